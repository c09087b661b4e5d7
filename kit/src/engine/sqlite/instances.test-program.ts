// Started by instances.real.test.ts: takes the message under a long lease, says so, and stays until it is killed.
import { systemClock } from "../../clock/mod.ts";
import { openSqliteEngine } from "./mod.ts";

const engine = await openSqliteEngine({ path: process.argv[2] ?? "", durability: "process" });
const { claims } = await engine.claim({ queue: "q", count: 1, leaseMs: 3_600_000 });
process.stdout.write(`${claims.length}\n`);
await systemClock.sleep(3_600_000);
