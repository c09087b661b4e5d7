import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { openMemoryEngine } from "./mod.ts";

test("what is enqueued is claimed once, in order, and gone after its acknowledgement", async () => {
  const clock = manualClock();
  await using engine = await openMemoryEngine({ clock });
  const added = await engine.commit([{ op: "enqueue", queue: "q", messages: [{ body: "a" }, { body: "b" }] }]);
  expect(added.committed).toBe(true);
  const { claims } = await engine.claim({ queue: "q", count: 10, leaseMs: 1000 });
  expect(claims.map((claim) => claim.body)).toEqual(["a", "b"]);
  await engine.commit(claims.map(({ receipt }) => ({ op: "settle", receipt, as: { kind: "ack" } })));
  expect((await Array.fromAsync(engine.scan({ kind: "queues" })))[0]).toMatchObject({ running: 0, ready: 0, dead: 0 });
});
