import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { dropSchema, freshSchema, needsServer, serverUrl } from "../drivers/postgres/server.test-postgres.ts";
import type { Engine } from "../engine/mod.ts";
import { openPostgresEngine } from "../engine/postgres/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";

/** Where several processes of a test share an engine. */
export interface Place extends AsyncDisposable {
  /** A path, or an address; for {@link openAt}, also in another process. */
  readonly address: string;
  /** For files of the test's own. */
  readonly folder: string;
}

/** The engines that processes can share. Tests that kill processes run on each of them. */
export const places: readonly { readonly name: string; readonly make: (context: TestContext) => Promise<Place> }[] = [
  { name: "SQLite", make: () => Promise.resolve(file()) },
  {
    name: "PostgreSQL",
    async make(context) {
      await needsServer(context);
      const schema = freshSchema();
      const { folder, ...inFolder } = file();
      const close = async (): Promise<void> => {
        await inFolder[Symbol.asyncDispose]();
        await dropSchema(schema);
      };
      return { folder, address: `${serverUrl}#${schema}`, [Symbol.asyncDispose]: close };
    },
  },
];

function file(): Place {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-place-"));
  const close = (): Promise<void> => Promise.resolve(rmSync(folder, { recursive: true, force: true }));
  return { folder, address: join(folder, "engine.db"), [Symbol.asyncDispose]: close };
}

/** Opens the engine of a place. */
export function openAt(address: string): Promise<Engine> {
  const [url = "", schema] = address.split("#");
  // Class "process" keeps the tests off the disk's flush; what a kill of a process leaves is the same.
  return schema === undefined
    ? openSqliteEngine({ path: url, durability: "process" })
    : openPostgresEngine({ url, schema, durability: "process", connectionsMax: 4 });
}
