// A process that keeps a view and sends messages until it is killed. Started by events.real.test.ts with the path of the database.
import process from "node:process";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { openEventStore, openProjection, openSubscription } from "./mod.ts";
import { counted, countProjection, leaseMs } from "./projecting.test-domain.ts";

const engine = await openSqliteEngine({ path: process.argv[2] ?? "", durability: "process" });
const store = await openEventStore({ engine });
await openProjection({ store, projection: countProjection, batchMax: 7, leaseMs });
await openSubscription({
  store,
  name: "mail",
  types: counted,
  partitions: 3,
  batchMax: 7,
  leaseMs,
  handle: ({ stream, version }) => [{ op: "enqueue", queue: "mail", messages: [{ body: `${stream}@${version}` }] }],
});
process.stdout.write("running\n");
