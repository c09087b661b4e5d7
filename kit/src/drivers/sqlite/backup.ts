import { closeSync, fsyncSync, linkSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, backup } from "node:sqlite";
import type { SqliteSession } from "./session.ts";
import { sqliteError } from "./sqlite-error.ts";

// Pages a step: the copying thread gives way to the readers and writers of the file in between.
const pagesAtOnce = 256;

/**
 * Copies the database as it is now, while others write. Appears under `target` complete or not at all; throws
 * `EEXIST` when the target exists. The copy is made off the event loop.
 */
export async function backUp(source: string, target: string): Promise<void> {
  const partial = `${target}.partial-${process.pid}`;
  const database = new DatabaseSync(source, { readOnly: true });
  try {
    // The open read keeps one state for the whole copy; without it every commit would start the copy anew.
    database.exec("begin; select count(*) from sqlite_schema");
    await backup(database, partial, { rate: pagesAtOnce });
    flush(partial);
    // A link, other than a rename, never replaces what is there.
    linkSync(partial, target);
    if (process.platform !== "win32") flush(dirname(target));
  } catch (error) {
    throw sqliteError(error, "backup");
  } finally {
    database.close();
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(partial + suffix, { force: true });
  }
}

// The bytes before the name, and the name before the caller is told.
function flush(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Faults that SQLite finds in the stored pages and indexes; empty when sound. Reads the whole file. */
export function integrityFaults(reader: SqliteSession): readonly string[] {
  const rows = reader.all<{ readonly integrity_check: string }>("pragma integrity_check(100)");
  return rows.map((row) => row.integrity_check).filter((text) => text !== "ok");
}
