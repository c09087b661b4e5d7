// Started by checkpoint.real.test.ts: writes rows without a pause for as long as it was told.
import { systemClock } from "../../clock/mod.ts";
import { openSqlite } from "./mod.ts";

const [, , path = "", lanes = "1", lengthMs = "0"] = process.argv;
await using database = await openSqlite({ path, durability: "process" });
const insert = database.writer.prepare("insert into t(key, body) values (random(), ?)");
const body = "x".repeat(500);
const untilMs = systemClock.monotonic() + Number(lengthMs);
async function lane(): Promise<void> {
  while (systemClock.monotonic() < untilMs) await database.shared(() => insert.run(body));
}
await Promise.all(Array.from({ length: Number(lanes) }, lane));
