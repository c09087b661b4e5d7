// Rules on the doors (mod.ts): named re-exports only, and every exported thing documented where it is declared.
import { posix } from "node:path";
import type { Node } from "oxc-parser";
import { lineAt, type Finding, type SourceFile } from "./repository.ts";

type Sources = ReadonlyMap<string, SourceFile>;
type Declared = { readonly file: SourceFile; readonly node: Node; readonly statement: Node };

/** Findings on every door among the given files. */
export function tidyDoors(sources: readonly SourceFile[]): Finding[] {
  const byPath: Sources = new Map(sources.map((file) => [file.path, file]));
  return sources.filter((file) => /^kit\/src\/.*mod\.ts$/.test(file.path)).flatMap((door) => tidyDoor(door, byPath));
}

function tidyDoor(door: SourceFile, sources: Sources): Finding[] {
  const logic = door.program.body
    .filter((node) => node.type !== "ExportNamedDeclaration" || node.source === null)
    .filter((node) => node.type !== "ExportAllDeclaration")
    .map((node) =>
      finding(door, node, { problem: "a door holds logic", instead: `only export { … } from "./file.ts"` }),
    );
  const exported = door.program.body.flatMap((node) =>
    node.type === "ExportNamedDeclaration" && node.source !== null
      ? node.specifiers.flatMap((specifier) => tidyExported(door, specifier, sources))
      : [],
  );
  return [...logic, ...exported];
}

function tidyExported(door: SourceFile, specifier: Node, sources: Sources): Finding[] {
  if (specifier.type !== "ExportSpecifier" || specifier.local.type !== "Identifier") return [];
  const declared = declarationOf(door, specifier.local.name, sources);
  if (declared === undefined) return [];
  const { file, node, statement } = declared;
  const name = specifier.local.name;
  const findings: Finding[] = [];
  if (!isDocumented(file, statement)) {
    const problem = `${name} is exported by ${door.path} and has no doc comment`;
    findings.push(finding(file, statement, { problem, instead: "one before it, guarantee first" }));
  }
  for (const member of mutableMembers(node)) {
    findings.push(finding(file, member, { problem: `a mutable property of ${name}`, instead: "readonly" }));
  }
  return findings;
}

/** Where `name`, which `from` exports or re-exports, is declared; undefined where tsc has an error to report. */
function declarationOf(from: SourceFile, name: string, sources: Sources): Declared | undefined {
  for (const statement of from.program.body) {
    if (statement.type !== "ExportNamedDeclaration" || statement.source === null) continue;
    const match = statement.specifiers.find((specifier) => nameOf(specifier.exported) === name);
    if (match === undefined) continue;
    const next = sources.get(posix.join(posix.dirname(from.path), statement.source.value));
    return next === undefined ? undefined : declarationOf(next, nameOf(match.local), sources);
  }
  for (const statement of from.program.body) {
    const node = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (node !== null && declaredNames(node).includes(name)) return { file: from, node, statement };
  }
  return undefined;
}

function nameOf(node: Node): string {
  if (node.type === "Identifier") return node.name;
  return node.type === "Literal" && typeof node.value === "string" ? node.value : "";
}

function declaredNames(node: Node): string[] {
  switch (node.type) {
    case "FunctionDeclaration":
    case "TSDeclareFunction":
    case "ClassDeclaration":
      return node.id === null ? [] : [node.id.name];
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return [node.id.name];
    case "VariableDeclaration":
      return node.declarations.map((declarator) => nameOf(declarator.id));
    default:
      return [];
  }
}

/** True when a doc comment ends right before the statement: nothing but white space or line comments between. */
function isDocumented(file: SourceFile, statement: Node): boolean {
  const before = file.comments.filter((comment) => comment.end <= statement.start);
  const doc = before.findLast((comment) => comment.type === "Block");
  if (doc === undefined || !doc.value.startsWith("*")) return false;
  return file.text
    .slice(doc.end, statement.start)
    .split("\n")
    .every((line) => line.trim() === "" || line.trim().startsWith("//"));
}

function mutableMembers(node: Node): Node[] {
  if (node.type === "TSInterfaceDeclaration") return mutableOf(node.body.body);
  return node.type === "TSTypeAliasDeclaration" ? mutableInType(node.typeAnnotation) : [];
}

function mutableInType(type: Node): Node[] {
  if (type.type === "TSTypeLiteral") return mutableOf(type.members);
  if (type.type === "TSUnionType" || type.type === "TSIntersectionType") return type.types.flatMap(mutableInType);
  return [];
}

function mutableOf(members: readonly Node[]): Node[] {
  return members.filter((member) => member.type === "TSPropertySignature" && !member.readonly);
}

function finding(file: SourceFile, node: Node, words: Pick<Finding, "problem" | "instead">): Finding {
  return { file: file.path, line: lineAt(file.text, node.start), ...words };
}
