import { beforeEach, expect, test } from "vitest";
import { needsBroker } from "../../drivers/amqp/server.test-amqp.ts";
import type { Change } from "../change.ts";
import type { NewMessage } from "../message.ts";
import { openFreshEngine } from "./engine.test-rabbit.ts";
import { delayMsMax } from "./ladder.ts";

beforeEach(needsBroker);

const queue = "jobs";
const body = "x";
const enqueue = (message: NewMessage): Change => ({ op: "enqueue", queue, messages: [message] });
const receipt = { queue, id: "1", token: 1 };

const refused: readonly (readonly [string, Change])[] = [
  ["a key", enqueue({ body, key: "k" })],
  ["dedup", enqueue({ body, dedup: { key: "k", forMs: 1 } })],
  ["claimForMs", enqueue({ body, claimForMs: 1 })],
  ["a lane beyond those it was opened with", enqueue({ body, lane: 1 })],
  ["a delay beyond the ladder", enqueue({ body, delayMs: delayMsMax + 1 })],
  ["a due time beyond the ladder", enqueue({ body, dueAtMs: Date.UTC(2100, 0) })],
  ["wake", { op: "wake", queue, ids: ["1"] }],
  ["redrive by id", { op: "redrive", queue, ids: ["1"] }],
  ["discard", { op: "discard", queue, ids: ["1"] }],
  ["flow", { op: "flow", queue, to: "paused" }],
  ["a retry beyond the ladder", { op: "settle", receipt, as: { kind: "retry", delayMs: delayMsMax + 1 } }],
  ["to park without end", { op: "settle", receipt, as: { kind: "park", delayMs: undefined } }],
  ["to park beyond the ladder", { op: "settle", receipt, as: { kind: "park", delayMs: delayMsMax + 1 } }],
];

for (const [what, change] of refused)
  test(`${what} is refused with UnsupportedError, and nothing is added`, async () => {
    await using engine = await openFreshEngine([queue]);
    await expect(engine.commit([change])).rejects.toMatchObject({ code: "UNSUPPORTED" });
    expect((await engine.claim({ queue, count: 1, leaseMs: 1000 })).claims).toEqual([]);
  });

test("scans of messages and of queues are refused with UnsupportedError", async () => {
  await using engine = await openFreshEngine([queue]);
  for (const query of [{ kind: "queues" }, { kind: "messages", queue }] as const)
    await expect(Array.fromAsync(engine.scan(query))).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test("headers that AMQP cannot carry are a ChangeError", async () => {
  await using engine = await openFreshEngine([queue]);
  const adding = engine.commit([enqueue({ body, headers: { long: "x".repeat(30_000) } })]);
  await expect(adding).rejects.toMatchObject({ code: "CHANGE" });
});

test("lanes, members and prefix out of range are ConfigErrors that name the option", async () => {
  for (const wrong of [{ lanes: 11 }, { members: 2 }, { prefix: "a.b" }, { windowMax: 0 }])
    await expect(openFreshEngine([], wrong)).rejects.toMatchObject({ code: "CONFIG" });
});
