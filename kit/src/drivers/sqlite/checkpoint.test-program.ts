import { openSqlite } from "./mod.ts";

const [, , path = "", lanes = "1", rows = "0"] = process.argv;
await using database = await openSqlite({ path, durability: "process" });
const insert = database.writer.prepare("insert into t(key, body) values (random(), ?)");
const body = "x".repeat(500);
let left = Number(rows);
async function lane(): Promise<void> {
  while (left-- > 0) await database.shared(() => insert.run(body));
}
await Promise.all(Array.from({ length: Number(lanes) }, lane));
