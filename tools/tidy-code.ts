// Rules on the syntax tree of one file: what the linter cannot say, or says only of whole folders.
import type { Node } from "oxc-parser";
import { isTestFile, lineAt, walk, type Finding, type SourceFile } from "./repository.ts";

const functionLinesMax = 70;
const timersAndChance: ReadonlySet<string> = new Set(
  "setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate performance".split(" "),
);
const membersOfChance: ReadonlySet<string> = new Set(
  "Date.now Math.random crypto.randomUUID crypto.getRandomValues process.hrtime AbortSignal.timeout".split(" "),
);
const modulesOfChance: ReadonlySet<string> = new Set(["node:timers", "node:timers/promises", "node:perf_hooks"]);
const cryptoChance: ReadonlySet<string> = new Set(["randomUUID", "randomBytes", "randomInt", "getRandomValues"]);
const inject = "take a Clock or a Random as a parameter; the system's own live in *-system.ts files";

/** All findings of one source file. */
export function tidyCode(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const report = (node: Node, problem: string, instead: string): void => {
    findings.push({ file: file.path, line: lineAt(file.text, node.start), problem, instead });
  };
  const mayTouchTime =
    !/^(?:kit\/src|systems)\//.test(file.path) || /-system\.ts$|\.real\.test\.ts$|\.bench\.ts$/.test(file.path);
  walk(file.program, (node, parent) => {
    tidyExports(node, report);
    tidyParameters(node, report);
    if (!isTestFile(file.path)) tidyFunctionLength(file, node, report);
    if (isTestFile(file.path)) tidyTestCall(node, report);
    if (!mayTouchTime) tidyTime(node, parent, report);
  });
  if (file.path.startsWith("kit/src/") && !isTestFile(file.path)) tidySideEffects(file, report);
  return findings;
}

type Report = (node: Node, problem: string, instead: string) => void;

function tidyExports(node: Node, report: Report): void {
  if (node.type === "ExportAllDeclaration") report(node, "export *", "name every export: export { a, type B } from …");
  if (node.type === "TSImportType") report(node, "an import inside a type", "import type { … } at the top of the file");
}

function tidyParameters(node: Node, report: Report): void {
  for (const parameter of parametersOf(node)) {
    const name = booleanParameter(parameter);
    if (name !== undefined) report(parameter, `boolean parameter ${name}`, `a named choice: { ${name}: "…" | "…" }`);
  }
}

/** Parameters of what a caller calls by name. A callback's boolean is a result, not a choice, and is let pass. */
function parametersOf(node: Node): readonly Node[] {
  switch (node.type) {
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
    case "TSDeclareFunction":
    case "TSEmptyBodyFunctionExpression":
    case "TSMethodSignature":
      return node.params;
    default:
      return [];
  }
}

function booleanParameter(parameter: Node): string | undefined {
  const pattern = parameter.type === "AssignmentPattern" ? parameter.left : parameter;
  if (pattern.type !== "Identifier") return undefined;
  const byDefault =
    parameter.type === "AssignmentPattern" && parameter.right.type === "Literal" ? parameter.right.value : null;
  const annotation = pattern.typeAnnotation?.typeAnnotation;
  return typeof byDefault === "boolean" ||
    (annotation !== undefined && annotation !== null && isBooleanType(annotation))
    ? pattern.name
    : undefined;
}

function isBooleanType(type: Node): boolean {
  if (type.type === "TSUnionType") return type.types.some(isBooleanType);
  return type.type === "TSBooleanKeyword" || (type.type === "TSLiteralType" && isBooleanLiteral(type.literal));
}

function isBooleanLiteral(node: Node): boolean {
  return node.type === "Literal" && typeof node.value === "boolean";
}

function tidyFunctionLength(file: SourceFile, node: Node, report: Report): void {
  if (
    node.type !== "FunctionDeclaration" &&
    node.type !== "FunctionExpression" &&
    node.type !== "ArrowFunctionExpression"
  )
    return;
  // Cheap first: hardly any function is long enough to be worth the count.
  if (node.end - node.start < functionLinesMax) return;
  const comments = file.comments.filter((comment) => comment.start >= node.start && comment.end <= node.end);
  let code = file.text.slice(node.start, node.end);
  for (const comment of comments.toReversed()) {
    code = code.slice(0, comment.start - node.start) + code.slice(comment.end - node.start);
  }
  const lines = code.split("\n").filter((line) => line.trim() !== "").length;
  if (lines > functionLinesMax)
    report(node, `a function of ${lines} lines, at most ${functionLinesMax}`, "one step, one function");
}

function tidyTestCall(node: Node, report: Report): void {
  if (node.type === "MemberExpression" && node.object.type === "Identifier" && node.property.type === "Identifier") {
    const isRunner = ["test", "describe", "it"].includes(node.object.name);
    if (isRunner && node.property.name === "only")
      report(node, `${node.object.name}.only`, "run one file: vitest run <file>");
  }
  if (node.type !== "CallExpression" || node.callee.type !== "Identifier") return;
  if (!["test", "it"].includes(node.callee.name)) return;
  const [title] = node.arguments;
  if (title?.type !== "Literal" || typeof title.value !== "string") return;
  if (/\bshould\b/.test(title.value))
    report(node, "a test name with should", "state the rule: a closed queue refuses jobs");
}

function tidyTime(node: Node, parent: Node | undefined, report: Report): void {
  const used = timeUsed(node, parent);
  if (used !== undefined) report(node, `${used} is time or chance of the machine`, inject);
}

function timeUsed(node: Node, parent: Node | undefined): string | undefined {
  switch (node.type) {
    case "NewExpression":
      return isNamed(node.callee, "Date") && node.arguments.length === 0 ? "new Date()" : undefined;
    case "CallExpression":
      if (isNamed(node.callee, "Date")) return "Date()";
      return node.callee.type === "Identifier" && timersAndChance.has(node.callee.name) ? node.callee.name : undefined;
    case "MemberExpression":
      return memberOfTime(node);
    case "ImportDeclaration":
      return modulesOfChance.has(node.source.value) ? node.source.value : undefined;
    case "ImportSpecifier":
      return importOfChance(node, parent);
    default:
      return undefined;
  }
}

function memberOfTime(node: Extract<Node, { type: "MemberExpression" }>): string | undefined {
  if (node.property.type !== "Identifier") return undefined;
  const owner = ownerName(node.object);
  if (owner === "performance") return `performance.${node.property.name}`;
  const name = `${owner}.${node.property.name}`;
  if (owner === "globalThis" && timersAndChance.has(node.property.name)) return name;
  return membersOfChance.has(name) ? name : undefined;
}

/** `Date` of Date.now, and also of globalThis.Date.now. */
function ownerName(node: Node): string {
  if (node.type === "Identifier") return node.name;
  const isGlobal = node.type === "MemberExpression" && isNamed(node.object, "globalThis");
  return isGlobal && node.property.type === "Identifier" ? node.property.name : "";
}

function importOfChance(
  node: Extract<Node, { type: "ImportSpecifier" }>,
  parent: Node | undefined,
): string | undefined {
  if (parent?.type !== "ImportDeclaration" || parent.source.value !== "node:crypto") return undefined;
  if (node.imported.type !== "Identifier" || !cryptoChance.has(node.imported.name)) return undefined;
  return `${node.imported.name} of node:crypto`;
}

function isNamed(node: Node, name: string): boolean {
  return node.type === "Identifier" && node.name === name;
}

function tidySideEffects(file: SourceFile, report: Report): void {
  // A program that is started by path, never imported, may act at its top level.
  if (file.path.endsWith(".real.ts")) return;
  for (const statement of file.program.body) {
    if (statement.type !== "ExpressionStatement") continue;
    report(statement, "importing this file does something", "export a function that does it");
  }
}
