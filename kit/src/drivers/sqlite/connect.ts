import { DatabaseSync } from "node:sqlite";

/** What committed work survives. `process`: `kill -9` of the process. `disk`: power loss of the machine, at one flush a commit. */
export type SqliteDurability = "process" | "disk";

/** Opens the one connection that writes. Throws node:sqlite's error, busy while another process switches the file to its log. */
export function connectWriter(path: string, durability: SqliteDurability): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec("pragma busy_timeout = 0");
    database.exec("pragma journal_mode = wal");
    database.exec(`pragma synchronous = ${durability === "disk" ? "full" : "normal"}`);
    // Checkpoints run between groups instead of inside one unlucky commit.
    database.exec("pragma wal_autocheckpoint = 0; pragma journal_size_limit = 67108864");
    database.exec("pragma temp_store = memory; pragma cache_size = -32768; pragma foreign_keys = off");
    // Elsewhere fsync reaches the medium; macOS needs to be told so.
    if (process.platform === "darwin") database.exec("pragma fullfsync = 1; pragma checkpoint_fullfsync = 1");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Opens a connection that only reads what is committed. The file must exist and be in write-ahead mode. */
export function connectReader(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  // Readers never wait for the writer; only recovery after a crash can hold them, and then for milliseconds.
  database.exec("pragma busy_timeout = 1000; pragma temp_store = memory; pragma cache_size = -16384");
  return database;
}
