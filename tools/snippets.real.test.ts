import { expect, test } from "vitest";
import { planted } from "./planted.test-folder.ts";
import { checkSnippets } from "./snippets.ts";

async function findings(...lines: string[]): Promise<string[]> {
  const checked = await checkSnippets(planted({ "docs/guide.md": lines.join("\n") }));
  return checked.findings.map(({ file, line, problem }) => `${file}:${line}: ${problem}`);
}

test("fences that compile, run and import a published subpath pass", async () => {
  const text =
    'import { ConfigError } from "ashlar/errors";\nif (typeof ConfigError !== "function") throw new Error("no class");';
  expect(await findings("# Guide", "```ts", text, "```", "```ts", "const one: number = 1;", "```")).toEqual([]);
});

test("an error of types points to its line in the document, also in a fence that is not run", async () => {
  const found = await findings("# Guide", "", "```ts no-run", "const two = 2;", 'const one: number = "one";', "```");
  expect(found).toEqual(["docs/guide.md:5: error TS2322: Type 'string' is not assignable to type 'number'."]);
});

test("a fence that throws is named, with the line in the document", async () => {
  const [found, ...others] = await findings("# Guide", "```ts", "const one = 1;", 'throw new Error("planted");', "```");
  expect(others).toEqual([]);
  expect(found).toMatch(/^docs\/guide\.md:2: ended with 1/);
  expect(found).toContain("docs/guide.md:4");
  expect(found).toContain("planted");
});

test("what is marked no-run is not run, and a fragment is only parsed", async () => {
  expect(
    await findings(
      "# Guide",
      "```ts no-run",
      'throw new Error("never");',
      "```",
      "```ts fragment",
      "unknown(1);",
      "```",
    ),
  ).toEqual([]);
  const [found] = await findings("# Guide", "```ts fragment", "const = 1;", "```");
  expect(found).toMatch(/^docs\/guide\.md:3: /);
});

test("two fences do not see each other's names or files", async () => {
  const write = 'import { writeFileSync } from "node:fs";\nconst name = "a";\nwriteFileSync("a.txt", name);';
  const look =
    'import { existsSync } from "node:fs";\nconst name = "b";\nif (existsSync("a.txt")) throw new Error(name);';
  expect(await findings("# Guide", "```ts", write, "```", "```ts", look, "```")).toEqual([]);
});
