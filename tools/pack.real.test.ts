import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";

test("a stranger installs the packed kit, imports every door, and type-checks against it", { timeout: 300_000 }, () => {
  const root = join(import.meta.dirname, "..");
  const { status, stdout, stderr } = spawnSync(process.execPath, ["tools/pack.ts"], { cwd: root, encoding: "utf8" });
  expect(stdout + stderr).toMatch(/^\d+ files, \d+ doors: packed, installed, imported, type-checked$/m);
  expect(status).toBe(0);
});
