import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder } from "./make-folder.ts";

test("folders are made level by level, and an existing one is fine", async () => {
  const root = mkdtempSync(join(tmpdir(), "make-folder-"));
  try {
    await makeFolder(join(root, "a/b/c"));
    await makeFolder(join(root, "a/b/c"));
    expect(existsSync(join(root, "a/b/c"))).toBe(true);
    writeFileSync(join(root, "file"), "");
    await expect(makeFolder(join(root, "file"))).rejects.toThrow("EEXIST");
  } finally {
    rmSync(root, { recursive: true });
  }
});

test.skipIf(!existsSync("/proc/self"))(
  "a file system that takes no folders is an error, not a wait for ever",
  async () => {
    await expect(makeFolder("/proc/no/such")).rejects.toThrow("ENOENT");
  },
);
