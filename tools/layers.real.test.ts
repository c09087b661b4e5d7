import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root: string = join(import.meta.dirname, "..");

// Each line plants one import in one file; the real linter, with the real configuration, judges them all in one run.
const refused: readonly (readonly [file: string, specifier: string, why: string])[] = [
  ["kit/src/errors/a.ts", "../clock/mod.ts", "ground imports a ground door that is not listed"],
  ["kit/src/clock/a.ts", "node:fs", "ground imports a module of Node"],
  ["kit/src/queue/a.ts", "./mod.ts", "a file imports its own door"],
  ["kit/src/queue/b.ts", "../engine/commit.ts", "a capability imports an inner file of another folder"],
  ["kit/src/queue/c.ts", "../engine/sqlite/mod.ts", "a capability imports a particular engine"],
  ["kit/src/queue/d.ts", "../drivers/sqlite/mod.ts", "a capability imports a driver"],
  ["kit/src/queue/e.ts", "../saga/mod.ts", "a capability imports a composition"],
  ["kit/src/queue/f.ts", "pg", "the kit imports a third-party client"],
  ["kit/src/queue/g.ts", "ashlar/errors", "the kit imports itself by its published name"],
  ["kit/src/queue/h.ts", "../../../tools/layers.ts", "the kit imports a tool"],
  ["kit/src/queue/i.ts", "vitest", "a source file imports a test runner"],
  ["kit/src/engine/a.ts", "./sqlite/mod.ts", "the port imports an engine"],
  ["kit/src/engine/sqlite/a.ts", "../mod.ts", "an engine imports the door of its port"],
  ["kit/src/engine/sqlite/b.ts", "../memory/engine.ts", "an engine imports another engine"],
  ["kit/src/engine/memory/a.ts", "../../drivers/sqlite/mod.ts", "an engine imports the driver of another"],
  ["kit/src/engine/conformance/a.ts", "node:child_process", "a hermetic part of the suite starts processes"],
  ["kit/src/engine/conformance/b.ts", "../port.ts", "the suite imports inner files of its port"],
  ["kit/src/engine/conformance/c.ts", "vitest", "the suite imports a test runner"],
  ["kit/src/queue/a.test.ts", "../engine/commit.ts", "a test imports an inner file of another folder"],
  ["systems/shop/a.ts", "../../kit/src/queue/mod.ts", "a system imports the kit's source"],
  ["systems/shop/orders/a.ts", "../../other/orders/b.ts", "a system imports another system by path"],
  ["systems/shop/b.ts", "@ashlar-systems/other", "a system imports another system by name"],
  ["tools/a.ts", "../kit/src/errors/mod.ts", "a tool imports the kit"],
];

const allowed: readonly (readonly [file: string, specifier: string, why: string])[] = [
  ["kit/src/clock/a-system.ts", "node:timers", "a system file of the ground imports a module of Node"],
  ["kit/src/queue/k.ts", "./job.ts", "a file imports its sibling"],
  ["kit/src/queue/l.ts", "../engine/mod.ts", "a capability imports the engine port"],
  ["kit/src/saga/a.ts", "../queue/mod.ts", "a composition imports a capability"],
  ["kit/src/engine/sqlite/c.ts", "../commit.ts", "an engine imports inner files of its port"],
  ["kit/src/engine/sqlite/d.ts", "../../drivers/sqlite/mod.ts", "an engine imports its driver"],
  ["kit/src/engine/sqlite/e.ts", "../../errors/mod.ts", "an engine imports a ground door"],
  ["kit/src/drivers/sqlite/a.ts", "node:sqlite", "a driver imports its modules of Node"],
  ["kit/src/engine/conformance/d.ts", "node:assert/strict", "the suite imports node:assert"],
  ["kit/src/engine/conformance/e.ts", "../mod.ts", "the suite imports the door of its port"],
  ["kit/src/engine/conformance/kill.real.ts", "node:child_process", "a real part of the suite starts processes"],
  ["kit/src/queue/c.test.ts", "../engine/memory/mod.ts", "a test imports an engine by its door"],
  ["kit/src/queue/b.test.ts", "./mod.ts", "a test imports the door it tests"],
  ["kit/src/queue/d.test.ts", "vitest", "a test imports the test runner"],
  ["kit/src/queue/kill.test-child.ts", "../engine/sqlite/mod.ts", "a program that a test starts imports an engine"],
  ["systems/shop/c.ts", "ashlar/engine/sqlite", "a system imports a published subpath"],
  ["systems/shop/orders/b.ts", "../catalog/mod.ts", "a context imports a context of its own system"],
  ["systems/shop/orders/c.ts", "zod", "a system imports its dependency"],
];

let place = "";
let findings: readonly string[] = [];

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "ashlar-planted-"));
  symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
  for (const file of ["oxlint.config.ts", "tools/layers.ts", "package.json"]) plant(file);
  for (const [file, specifier] of [...refused, ...allowed]) plant(file, `import { value } from "${specifier}";\n`);
  plant("kit/src/abort/one.ts", `import type { Two } from "./two.ts";\nexport type One = { readonly two?: Two };\n`);
  plant("kit/src/abort/two.ts", `import type { One } from "./one.ts";\nexport type Two = { readonly one?: One };\n`);
  plant("kit/src/abort/now.ts", "export const startedAtMs: number = Date.now();\n");
  plant("kit/src/abort/later.ts", "export function later(ring: () => void): void {\n  setTimeout(ring, 5);\n}\n");
  plant("kit/src/abort/type.ts", `export type Engine = import("../engine/mod.ts").Engine;\n`);
  plant("kit/src/abort/dynamic.ts", `export const queue: unknown = await import("../queue/mod.ts");\n`);
  plant("kit/src/abort/again.ts", `export { queue } from "../queue/mod.ts";\n`);
  const lint = spawnSync(join(root, "node_modules/.bin/oxlint"), ["-f", "unix", "kit", "systems", "tools"], {
    cwd: place,
    encoding: "utf8",
  });
  findings = lint.stdout.split("\n");
});

afterAll(() => rmSync(place, { recursive: true }));

function plant(file: string, text?: string): void {
  mkdirSync(dirname(join(place, file)), { recursive: true });
  if (text === undefined) copyFileSync(join(root, file), join(place, file));
  else writeFileSync(join(place, file), text);
}

function found(file: string, rule: string): boolean {
  return findings.some((line) => line.startsWith(`${file}:`) && line.includes(`(${rule})`));
}

describe("the linter refuses", () => {
  test.each(refused)("%s importing %s: %s", (file) => {
    expect(found(file, "no-restricted-imports")).toBe(true);
  });

  test("a cycle, even one of types only", () => {
    expect(found("kit/src/abort/one.ts", "no-cycle")).toBe(true);
  });

  test("the time of the machine outside the system's clock", () => {
    expect(found("kit/src/abort/now.ts", "no-restricted-properties")).toBe(true);
    expect(found("kit/src/abort/later.ts", "no-restricted-globals")).toBe(true);
  });

  test("an import written as a type, as a call or as a re-export", () => {
    expect(found("kit/src/abort/type.ts", "consistent-type-imports")).toBe(true);
    expect(found("kit/src/abort/dynamic.ts", "no-restricted-imports")).toBe(true);
    expect(found("kit/src/abort/again.ts", "no-restricted-imports")).toBe(true);
  });
});

describe("the linter lets pass", () => {
  test.each(allowed)("%s importing %s: %s", (file) => {
    expect(found(file, "no-restricted-imports")).toBe(false);
  });
});
