import { DatabaseSync, type DatabaseSyncOptions } from "node:sqlite";

/** What committed work survives. `process`: `kill -9` of the process. `disk`: power loss of the machine, at one flush a commit. */
export type SqliteDurability = "process" | "disk";

/** Makes a connection, as the constructor of node:sqlite's DatabaseSync does. */
export type Connect = (path: string, options?: DatabaseSyncOptions) => DatabaseSync;

/** The real one. */
export const connectToFile: Connect = (path, options = {}) => new DatabaseSync(path, options);

// A file that is appended to fills any cache with pages that nobody asks for again, and the system keeps them too: sixteen times as much
// changed no figure, and made the memory of a program with nine files grow with them (measured).
const writerCacheKib = 2 * 1024;
const readerCacheKib = 1024;

/** How the one connection that writes is opened. */
export interface WriterConnection {
  readonly durability: SqliteDurability;
  readonly connect: Connect;
}

/** Opens the one connection that writes. Throws node:sqlite's error, busy while another process switches the file to its log. */
export function connectWriter(path: string, { durability, connect }: WriterConnection): DatabaseSync {
  const database = connect(path);
  try {
    database.exec("pragma busy_timeout = 0");
    // An empty file has nothing to lose yet. To make it, seven flushes are waited for, which nobody was promised: with nine files
    // that was up to a third of a program's start (measured).
    if (durability === "process" && isEmpty(database)) database.exec("pragma synchronous = off");
    database.exec("pragma journal_mode = wal");
    database.exec(`pragma synchronous = ${durability === "disk" ? "full" : "normal"}`);
    // Checkpoints run between groups instead of inside one unlucky commit.
    database.exec("pragma wal_autocheckpoint = 0; pragma journal_size_limit = 67108864");
    database.exec(`pragma temp_store = memory; pragma cache_size = ${-writerCacheKib}; pragma foreign_keys = off`);
    // Elsewhere fsync reaches the medium; macOS needs to be told so.
    if (process.platform === "darwin") database.exec("pragma fullfsync = 1; pragma checkpoint_fullfsync = 1");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare("pragma page_count").get()?.["page_count"] === 0;
}

/** Opens a connection that only reads what is committed. The file must exist and be in write-ahead mode. */
export function connectReader(path: string, connect: Connect): DatabaseSync {
  const database = connect(path, { readOnly: true });
  // Readers never wait for the writer; only recovery after a crash can hold them, and then for milliseconds.
  database.exec(`pragma busy_timeout = 1000; pragma temp_store = memory; pragma cache_size = ${-readerCacheKib}`);
  return database;
}
