import { mkdir, mkdtemp, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KitError } from "ashlar/errors";

/** The folder for the data cannot be made or written; the message says which, and why, in one sentence. */
class FolderError extends KitError {
  readonly code = "FOLDER";
  readonly retryable = false;
}

/** Makes a folder and those above it, and finds out whether files can be made in it; an existing one is fine. Throws a KitError with the code FOLDER. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeLevels(path);
    await rmdir(await mkdtemp(join(path, ".writable-")));
  } catch (error) {
    const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
    const reason = reasons[code] ?? (error instanceof Error ? error.message : String(error));
    throw new FolderError(`no data can be kept in ${path}: ${reason}`, { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EEXIST: "there is a file of that name",
  ENOTDIR: "a part of the path is a file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ENOENT: "the file system takes no folders there",
};

/** One at a time: Node's own recursive form never returns where a file system refuses new folders with ENOENT, as `/proc` does. */
async function makeLevels(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw error;
    await makeLevels(parent);
    await mkdir(path);
  }
}
