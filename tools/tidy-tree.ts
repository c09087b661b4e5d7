// Rules on the tree of files: files that nobody uses, folders without their README or without a test.
import { posix } from "node:path";
import { layers, type Row } from "./layers.ts";
import { isTestFile, lineAt, walk, type Finding, type SourceFile, type TextFile } from "./repository.ts";

/** Findings on the files of the whole repository together. */
export function tidyTree(
  files: readonly TextFile[],
  sources: readonly SourceFile[],
  table: Readonly<Record<string, Row>> = layers,
): Finding[] {
  return [...deadFiles(files, sources), ...missingFiles(files, table), ...testsWithoutTest(sources)];
}

/** Source files of the kit, the systems and the tools that no other file names. */
function deadFiles(files: readonly TextFile[], sources: readonly SourceFile[]): Finding[] {
  const started = files.filter((file) => /(?:package\.json|\.md|\.ci\/run)$/.test(file.path)).map((file) => file.text);
  // What only a test uses is dead too, unless it was written for tests.
  const named = new Set(
    sources.flatMap((file) => (isTestFile(file.path) ? namedFiles(file).filter(isForTests) : namedFiles(file))),
  );
  return sources
    .filter((file) => /^(?:kit\/src|systems|tools)\//.test(file.path) && !named.has(file.path) && !isEntry(file.path))
    .filter((file) => !started.some((text) => text.includes(file.path)))
    .map((file) => ({
      file: file.path,
      line: 1,
      problem: "no other file uses this one",
      instead: "import it, export it in mod.ts, or delete it",
    }));
}

function isForTests(path: string): boolean {
  return isTestFile(path) || path.endsWith(".real.ts");
}

function isEntry(path: string): boolean {
  return /\/mod\.ts$|\.(?:test|bench)\.ts$|^systems\/[^/]+\/(?:command-line|design)\.ts$|\/examples\//.test(path);
}

/** Imports, and any other string that ends with .ts: the path of a program that is started. */
function namedFiles(file: SourceFile): string[] {
  const names: string[] = [];
  walk(file.program, (node) => {
    if (node.type !== "Literal" || typeof node.value !== "string" || !node.value.endsWith(".ts")) return;
    names.push(posix.join(posix.dirname(file.path), node.value));
  });
  return names;
}

function missingFiles(files: readonly TextFile[], table: Readonly<Record<string, Row>>): Finding[] {
  const paths = files.map((file) => file.path);
  return Object.entries(table).flatMap(([folder, row]) => {
    const place = `kit/src/${folder}`;
    const file = `${place}/mod.ts`;
    // A conformance suite is documented and run by the port and the engines it is for.
    if (!paths.includes(file) || folder.endsWith("/conformance")) return [];
    const findings: Finding[] = [];
    const hasTest = paths.some((path) => posix.dirname(path) === place && path.endsWith(".test.ts"));
    if (!hasTest)
      findings.push({ file, line: 1, problem: `${place} has no test`, instead: "a .test.ts beside the source" });
    if (row.level >= 1 && !paths.includes(`${place}/README.md`)) {
      findings.push({
        file,
        line: 1,
        problem: `${place} has no README.md`,
        instead: "guarantees, states, when not to use it",
      });
    }
    return findings;
  });
}

function testsWithoutTest(sources: readonly SourceFile[]): Finding[] {
  return sources
    .filter((file) => file.path.endsWith(".test.ts") && !/\b(?:test|it|exercise\w+)\b/.test(file.text))
    .map((file) => ({
      file: file.path,
      line: lineAt(file.text, 0),
      problem: "a test file without a test",
      instead: "add one, or name the file otherwise",
    }));
}
