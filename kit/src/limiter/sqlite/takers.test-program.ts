// Started by takers.real.test.ts: says that it is ready, takes as fast as it can from its first input on until its input ends, and prints how
// many passed.
import { once } from "node:events";
import process from "node:process";
import { limiter, slidingLog, tokenBucket } from "../mod.ts";
import { openSqliteStore } from "./mod.ts";

const [path = "", limitText = "0", windowText = "0"] = process.argv.slice(2);
const limit = Number(limitText);
const windowMs = Number(windowText);
await using store = await openSqliteStore({ path });
const takers = limiter({
  name: "takers",
  rules: [tokenBucket({ limit, windowMs }), slidingLog({ limit, windowMs })],
  store,
  storeDown: "closed",
  storeTimeoutMs: 60_000,
});
process.stdout.write("ready\n");
await once(process.stdin, "data");
const over = new AbortController();
process.stdin.once("end", () => over.abort()).resume();
let granted = 0;
let down = 0;
while (!over.signal.aborted) {
  const decisions = await Promise.all([takers.take("all"), takers.take("all"), takers.take("all")]);
  granted += decisions.filter(({ allowed }) => allowed).length;
  down += decisions.filter((decision) => !decision.allowed && decision.reason === "store-down").length;
}
process.stdout.write(JSON.stringify({ granted, down }));
