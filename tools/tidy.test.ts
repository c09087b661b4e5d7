import { describe, expect, test } from "vitest";
import { planted } from "./planted.test-folder.ts";
import { tidy } from "./tidy.ts";

/** Problems found in planted files, as `file:line: problem`, without those about missing tests and READMEs. */
function problems(files: Readonly<Record<string, string>>): string[] {
  return tidy(planted(files))
    .map(({ file, line, problem }) => `${file}:${line}: ${problem}`)
    .filter((text) => !/has no (?:test|README)|no other file uses/.test(text));
}

function source(text: string): string[] {
  return problems({ "kit/src/queue/job.ts": text });
}

const documented = "/** Adds a job. */\nexport function add(): void {}\n";

describe("a tidy tree", () => {
  test("has no finding", () => {
    const files = {
      "README.md": "# Title\n\n```sh\n# not a title\n```\n",
      "kit/src/queue/README.md": "# Queue\n",
      "kit/src/queue/mod.ts": 'export { add } from "./queue.ts";\n',
      "kit/src/queue/queue.ts": documented,
      "kit/src/queue/queue.test.ts": 'import { test } from "vitest";\ntest("a closed queue refuses jobs", () => {});\n',
    };
    expect(tidy(planted(files))).toEqual([]);
  });
});

describe("names and sizes", () => {
  test.each(["utils.ts", "string-helpers.ts", "helper.test.ts", "job-manager.ts", "index.ts", "common/job.ts"])(
    "%s says nothing",
    (name) => {
      expect(problems({ [`kit/src/queue/${name}`]: documented }).join()).toContain("says nothing");
    },
  );

  test("a file has 400 lines at most, and more than none", () => {
    expect(source("// line\n".repeat(400))).toEqual([]);
    expect(source("// line\n".repeat(401))).toEqual(["kit/src/queue/job.ts:401: 401 lines, at most 400"]);
    expect(source("\n")).toEqual(["kit/src/queue/job.ts:1: empty file"]);
  });

  test("a function has 70 lines at most, blank lines and comments apart, and tests are exempt", () => {
    const body = (lines: number): string => `export function run(): void {\n${"  run();\n".repeat(lines)}}\n`;
    expect(source(body(68))).toEqual([]);
    expect(source(body(69))).toEqual(["kit/src/queue/job.ts:1: a function of 71 lines, at most 70"]);
    expect(source(body(68).replace("{\n", "{\n\n  // why\n  /* why\n\n so */\n"))).toEqual([]);
    expect(problems({ "kit/src/queue/job.test.ts": `${body(90)}test("a rule", run);` })).toEqual([]);
  });
});

describe("doors", () => {
  const door = 'export { add, type Job } from "./queue.ts";\n';

  test("an export without a doc comment is named, also behind a second re-export", () => {
    const queue = "export function add(): void {}\n/** A job. */\nexport type Job = { readonly id: string };\n";
    const expected = "add is exported by kit/src/queue/mod.ts and has no doc comment";
    expect(problems({ "kit/src/queue/mod.ts": door, "kit/src/queue/queue.ts": queue })).toEqual([
      `kit/src/queue/queue.ts:1: ${expected}`,
    ]);
    const behind = {
      "kit/src/queue/queue.ts": 'export { add, type Job } from "./add.ts";\n',
      "kit/src/queue/add.ts": queue,
    };
    expect(problems({ "kit/src/queue/mod.ts": door, ...behind })).toEqual([`kit/src/queue/add.ts:1: ${expected}`]);
  });

  test("a comment that belongs to something else, or is no doc comment, does not document", () => {
    const other =
      "/** Other. */\nconst other = 1;\nexport function add(): void {}\n// line\nexport type Job = { readonly id: string };";
    expect(problems({ "kit/src/queue/mod.ts": door, "kit/src/queue/queue.ts": other })).toHaveLength(2);
  });

  test("a class that is declared first and exported later is found, and its comment counts", () => {
    const queue = "/** Holds jobs. */\nclass Queue {}\nexport type { Queue };\n";
    expect(
      problems({ "kit/src/queue/mod.ts": 'export { type Queue } from "./queue.ts";', "kit/src/queue/queue.ts": queue }),
    ).toEqual([]);
  });

  test("an exported type with a property that is not readonly is named", () => {
    const queue = `${documented}/** A job. */\nexport interface Job {\n  readonly id: string;\n  body: string;\n}\n`;
    expect(problems({ "kit/src/queue/mod.ts": door, "kit/src/queue/queue.ts": queue })).toEqual([
      "kit/src/queue/queue.ts:6: a mutable property of Job",
    ]);
  });

  test("logic in a door and export * are refused", () => {
    expect(problems({ "kit/src/queue/mod.ts": 'export const leaseMs = 5;\nexport * from "./queue.ts";\n' })).toEqual([
      "kit/src/queue/mod.ts:1: a door holds logic",
      "kit/src/queue/mod.ts:2: export *",
    ]);
  });
});

describe("code", () => {
  test.each([
    "export function stop(force: boolean): void {}",
    "export function stop(force = true): void {}",
    "export function stop(force?: boolean | undefined): void {}",
    "export const stop = (force: boolean): void => {};",
    "export interface Worker { stop(force: boolean): void }",
    "export class Worker { stop(force: boolean): void {} }",
  ])("a boolean parameter is refused: %s", (text) => {
    expect(source(text)).toEqual(["kit/src/queue/job.ts:1: boolean parameter force"]);
  });

  test("a callback that is given a boolean, and a function that returns one, are let pass", () => {
    expect(source("export function watch(seen: (isFresh: boolean) => void): boolean {\n  return true;\n}\n")).toEqual(
      [],
    );
  });

  test.each([
    ["export const at = Date.now();", "Date.now"],
    ["export const at = globalThis.Date.now();", "Date.now"],
    ["export const at = new Date();", "new Date()"],
    ["export const id = Math.random();", "Math.random"],
    ["export const id = crypto.randomUUID();", "crypto.randomUUID"],
    ["export const at = performance.now();", "performance.now"],
    ["export const timer = setTimeout(run, 5);", "setTimeout"],
    ["export const timer = globalThis.setInterval(run, 5);", "globalThis.setInterval"],
    ['import { setTimeout as sleep } from "node:timers/promises";', "node:timers/promises"],
    ['import { randomUUID } from "node:crypto";', "randomUUID of node:crypto"],
  ])("time and chance of the machine are refused: %s", (text, name) => {
    expect(source(text)).toEqual([`kit/src/queue/job.ts:1: ${name} is time or chance of the machine`]);
  });

  test("time is let pass in system files, in real tests, in tools, and as a date that is given", () => {
    const text = "export const at = Date.now();\n";
    const files = ["kit/src/clock/clock-system.ts", "kit/src/queue/kill.real.test.ts", "tools/bell.ts"];
    for (const file of files) expect(problems({ [file]: `${text}// test\n` })).toEqual([]);
    expect(source("export const at = new Date(atMs).toISOString();\n")).toEqual([]);
  });

  test("an import that does something and an import inside a type are refused", () => {
    expect(source("register();\n")).toEqual(["kit/src/queue/job.ts:1: importing this file does something"]);
    expect(source('export type Engine = import("../engine/mod.ts").Engine;\n')).toEqual([
      "kit/src/queue/job.ts:1: an import inside a type",
    ]);
  });

  test("a test that runs alone, or whose name has a wish for a rule, is refused", () => {
    const text = 'test.only("a rule", run);\ntest("it should work", run);\n';
    expect(problems({ "kit/src/queue/job.test.ts": text })).toEqual([
      "kit/src/queue/job.test.ts:1: test.only",
      "kit/src/queue/job.test.ts:2: a test name with should",
    ]);
  });
});

describe("text", () => {
  test.each([
    "// @ts-ignore",
    "// @ts-expect-error",
    "// @ts-expect-error: no",
    "// oxlint-disable-next-line no-empty",
    "/* eslint-disable */",
    "// oxfmt-ignore",
  ])("a suppression without a reason is refused: %s", (line) => {
    expect(source(`export const one = 1; ${line}\n`)).toEqual([
      "kit/src/queue/job.ts:1: a suppression without a reason",
    ]);
  });

  test.each([
    "// @ts-expect-error: the test passes a wrong type on purpose",
    "// oxlint-disable-next-line no-empty -- the loop waits for its condition",
    "// oxfmt-ignore: the matrix reads by columns",
  ])("a suppression with a reason is let pass: %s", (line) => {
    expect(source(`export const one = 1; ${line}\n`)).toEqual([]);
  });

  test("a place on one machine is named, in any kind of text", () => {
    const home = ["", "home", "someone"].join("/");
    const place = `${home}/ashlar`;
    expect(problems({ "docs/guide.md": `# Guide\n\nSee ${place}.\n`, "a.json": `{ "a": "${place}" }\n` })).toEqual([
      `a.json:1: ${home} is a place on one machine`,
      `docs/guide.md:3: ${home} is a place on one machine`,
    ]);
  });

  test("a document has one title", () => {
    expect(
      problems({ "a.md": "text\n", "b.md": "# One\n\n# Two\n", "c.md": "# One\n\n````md\n```\n# no\n```\n````\n" }),
    ).toEqual(["a.md:1: 0 titles", "b.md:3: 2 titles"]);
  });
});

describe("the tree", () => {
  test("a file that nobody uses, or only a test, is named; a program that a test starts is not", () => {
    const files = {
      "kit/src/queue/mod.ts": 'export { add } from "./queue.ts";\n',
      "kit/src/queue/README.md": "# Queue\n",
      "kit/src/queue/queue.ts": documented,
      "kit/src/queue/dead.ts": documented,
      "kit/src/queue/kept-by-test.ts": documented,
      "kit/src/queue/kill.test-child.ts": documented,
      "kit/src/queue/queue.test.ts":
        'import { add } from "./kept-by-test.ts";\ntest("a rule", () => start("./kill.test-child.ts"));\n',
    };
    expect(tidy(planted(files)).map(({ file, problem }) => `${file}: ${problem}`)).toEqual([
      "kit/src/queue/dead.ts: no other file uses this one",
      "kit/src/queue/kept-by-test.ts: no other file uses this one",
    ]);
  });

  test("a capability without README or test is named, and so is a test file without a test", () => {
    const files = {
      "kit/src/queue/mod.ts": 'export { add } from "./queue.ts";\n',
      "kit/src/queue/queue.ts": documented,
      "kit/src/errors/mod.ts": "",
      "kit/src/errors/errors.test.ts": "export {};\n",
    };
    expect(tidy(planted(files)).map(({ file, problem }) => `${file}: ${problem}`)).toEqual([
      "kit/src/errors/errors.test.ts: a test file without a test",
      "kit/src/errors/mod.ts: empty file",
      "kit/src/queue/mod.ts: kit/src/queue has no test",
      "kit/src/queue/mod.ts: kit/src/queue has no README.md",
    ]);
  });
});
