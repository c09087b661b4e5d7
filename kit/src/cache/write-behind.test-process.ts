// A cache that writes behind, as a process of its own, for a test that kills it: node write-behind.test-process.ts FILE ROUND.
// Tells every write on standard output once it is acknowledged; stores to a file of its own, slowly.
import { appendFileSync, writeSync } from "node:fs";
import { systemClock } from "../clock/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { cache } from "./cache.ts";
import { openWriteBehind } from "./write-behind.ts";

const [file = "", round = "0"] = process.argv.slice(2);
const engine = await openSqliteEngine({ path: file, durability: "process" });
const behind = await openWriteBehind<string>({
  engine,
  name: "kill",
  waitMs: 5,
  batchMax: 8,
  store: async (writes) => {
    await systemClock.sleep(2);
    appendFileSync(`${file}.source`, writes.map(({ key, value, version }) => `${key} ${value} ${version}\n`).join(""));
  },
});
const values = cache<string>({ entries: 4, write: behind });

for (let write = 0; ; write++) {
  const key = `key-${write % 23}`;
  const value = `${round}-${write}`;
  await values.set(key, value);
  // Past every buffer: the process may be killed by its next instruction.
  writeSync(1, `${key} ${value}\n`);
}
