import { expect, test } from "vitest";
import { fencesOf, inDocuments, programPath, programText } from "./fences.ts";

function fences(...lines: string[]): ReturnType<typeof fencesOf> {
  return fencesOf({ path: "docs/a.md", text: lines.join("\n") });
}

test("only ts fences are taken, each with its line and its use", () => {
  const found = fences(
    "# A",
    "```ts",
    "one();",
    "```",
    "```sh",
    "ls",
    "```",
    "```ts no-run",
    "two();",
    "```",
    "```ts fragment",
    "```",
  );
  expect(found.fences).toEqual([
    { file: "docs/a.md", line: 2, code: "one();", use: "run" },
    { file: "docs/a.md", line: 8, code: "two();", use: "check" },
    { file: "docs/a.md", line: 11, code: "", use: "parse" },
  ]);
  expect(found.findings).toEqual([]);
});

test("a fence inside a longer fence is text, and an indented fence loses its indent", () => {
  const found = fences(
    "````md",
    "```ts",
    "no();",
    "```",
    "````",
    "- item",
    "",
    "  ```ts",
    "  yes();",
    "    deep();",
    "  ```",
  );
  expect(found.fences).toEqual([{ file: "docs/a.md", line: 8, code: "yes();\n  deep();", use: "run" }]);
});

test("a mark that is not known and a language that escapes the check are findings", () => {
  const found = fences("```ts ignore", "```", "```typescript", "```");
  expect(found.fences).toEqual([]);
  expect(found.findings.map(({ line, problem }) => `${line}: ${problem}`)).toEqual([
    '1: unknown mark "ignore" on a fence',
    "3: a fence that escapes the check",
  ]);
});

test("a line of the program is the line of the document, and messages point there", () => {
  const [fence] = fences("# A", "", "```ts", "one();", "```").fences;
  expect(fence).toBeDefined();
  if (fence === undefined) return;
  expect(programText(fence).split("\n").indexOf("one();") + 1).toBe(4);
  const message = `at file:///place/${programPath(fence)}:4:1 and /place/${programPath(fence)}:4:2`;
  expect(inDocuments(message, "/place")).toBe("at docs/a.md:4:1 and docs/a.md:4:2");
});
