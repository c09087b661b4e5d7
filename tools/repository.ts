// The files of the repository as the tools see them: read once, parsed once.
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { parseSync, visitorKeys, type Comment, type Node, type Program } from "oxc-parser";

/** One fault and its remedy, at a place that an editor can open. */
export type Finding = {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
  readonly instead: string;
};

/** One text file. `path` is relative to the root, with forward slashes. */
export type TextFile = { readonly path: string; readonly text: string };

/** One TypeScript file with its syntax tree. */
export type SourceFile = TextFile & { readonly program: Program; readonly comments: readonly Comment[] };

/** `.git` is a file in a checkout that shares its history with another. */
const skipped: ReadonlySet<string> = new Set([".git", "node_modules", "dist", "coverage", "data", "results.local"]);
const textExtensions: ReadonlySet<string> = new Set([
  ".ts",
  ".md",
  ".json",
  ".jsonc",
  ".yml",
  ".yaml",
  ".sh",
  ".sql",
  ".html",
  "",
]);

/** Every text file below `root`, sorted by path; lock files, build output and installed packages left out. */
export function textFiles(root: string): TextFile[] {
  return pathsBelow(root, "")
    .filter((path) => textExtensions.has(extname(path)) && !path.endsWith("package-lock.json"))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

function pathsBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return pathsBelow(root, path);
    return entry.isFile() ? [path] : [];
  });
}

/** Parses one TypeScript file. A syntax error is left to tsc: the tree then holds what could be read. */
export function parsed(file: TextFile): SourceFile {
  const { program, comments } = parseSync(file.path, file.text, { lang: "ts" });
  return { ...file, program, comments };
}

/** The line, from 1, of an offset into the text. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let index = text.indexOf("\n"); index !== -1 && index < offset; index = text.indexOf("\n", index + 1)) line++;
  return line;
}

/** Calls `visit` for every node of the tree, parents first. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  visit(node, parent);
  for (const key of visitorKeys[node.type] ?? []) {
    const child = (node as unknown as Readonly<Record<string, unknown>>)[key];
    for (const item of Array.isArray(child) ? child : [child]) {
      if (isNode(item)) walk(item, visit, node);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

/** Tests, benches and the programs that tests start: held to fewer rules than the product. */
export function isTestFile(path: string): boolean {
  return /\.(?:test|bench)\.ts$|\.test-[^/]*\.ts$/.test(path);
}
