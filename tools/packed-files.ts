// What may be in the published package: built files of the source, and the three that every package carries.
import type { ExportMap } from "./exports.ts";

const expected: RegExp = /^(?:package\.json|README\.md|LICENSE|dist\/.*\.(?:js|d\.ts))$/;
const unwanted: RegExp = /\.(?:test|bench)\.|\.test-/;

/** What is wrong with a list of packed files: what should not be there, and what a door promises but is absent. */
export function strayFiles(files: readonly string[], exports: ExportMap): string[] {
  const present = new Set(files);
  const required = [
    "package.json",
    "README.md",
    "LICENSE",
    ...Object.values(exports).flatMap((target) =>
      [target.types, target.default].map((path) => path.replace(/^\.\//, "")),
    ),
  ];
  return [
    ...files
      .filter((file) => !expected.test(file) || unwanted.test(file))
      .map((file) => `${file}: must not be published`),
    ...required.filter((file) => !present.has(file)).map((file) => `${file}: missing`),
  ];
}
