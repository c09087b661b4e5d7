import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
    await expect(makeFolder(join(root, "file"))).rejects.toThrow("there is a file of that name");
    await expect(makeFolder(join(root, "file/a"))).rejects.toThrow("a part of the path is a file");
    expect(readdirSync(join(root, "a/b/c"))).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test.skipIf(!existsSync("/proc/self"))(
  "a file system that takes no folders, or a folder that takes no files, is an error, not a wait for ever",
  async () => {
    for (const path of ["/proc/no/such", "/proc"])
      await expect(makeFolder(path)).rejects.toMatchObject({
        code: "FOLDER",
        message: `no data can be kept in ${path}: the file system takes no folders there`,
      });
  },
);
