import assert from "node:assert/strict";
import type { Engine, StoredMessage } from "../mod.ts";

const admittedStates: ReadonlySet<string> = new Set(["ready", "suspect", "running", "delayed"]);

/** Checks what must hold in every state of an engine, from what it shows: counters equal a recount, no key waits without a reason, positions
 *  and versions are consecutive; and asks the engine's own `verify` where it has one. Rejects with the first fault. */
export async function auditEngine(engine: Engine, queues: readonly string[], logs: readonly string[]): Promise<void> {
  const { parts } = engine.can;
  for (const queue of parts.includes("messages") ? queues : []) await auditQueue(engine, queue);
  for (const log of parts.includes("events") ? logs : []) await auditLog(engine, log);
  if ("verify" in engine && typeof engine.verify === "function")
    assert.deepEqual(await engine.verify(), [], "the engine's own verification");
}

async function auditQueue(engine: Engine, queue: string): Promise<void> {
  const messages = await Array.fromAsync(engine.scan({ kind: "messages", queue, limit: 1_000_000 }));
  const [status] = await Array.fromAsync(engine.scan({ kind: "queues", queue }));
  if (status === undefined) return assert.deepEqual(messages, [], "a queue with messages is known");
  for (const state of ["ready", "suspect", "running", "delayed", "waiting", "dead"] as const) {
    const found = messages.filter((message) => message.state === state).length;
    assert.equal(status[state], found, `queue ${queue} counts its ${state} messages right`);
  }
  const ids = messages.map((message) => Number(message.id));
  assert.deepEqual(
    ids,
    [...new Set(ids)].toSorted((left, right) => left - right),
    "ids are unique and listed in order",
  );
  auditKeys(messages);
  auditAge(status.oldestReadyAtMs, messages);
}

/** Nobody waits for a key that nobody has. */
function auditKeys(messages: readonly StoredMessage[]): void {
  const admitted = new Set(messages.filter(({ state }) => admittedStates.has(state)).map(({ key }) => key));
  for (const { id, key, state } of messages)
    if (state === "waiting") assert(key !== undefined && admitted.has(key), `message ${id} waits for a key in use`);
}

function auditAge(oldestReadyAtMs: number | undefined, messages: readonly StoredMessage[]): void {
  const claimable = messages.filter(({ state }) => state === "ready" || state === "suspect");
  if (claimable.length === 0) return assert.equal(oldestReadyAtMs, undefined, "no age when nothing is ready");
  const ages = claimable.map(({ enqueuedAtMs }) => enqueuedAtMs);
  assert(oldestReadyAtMs !== undefined && ages.includes(oldestReadyAtMs), "the age is that of a claimable message");
}

async function auditLog(engine: Engine, log: string): Promise<void> {
  const { events, head, through } = await engine.read({ log, after: 0, limit: 100_000 });
  assert.deepEqual([through, head], [events.length, events.length], `log ${log} ends where its events end`);
  const versions = new Map<string, number>();
  for (const [index, { position, stream, version }] of events.entries()) {
    assert.equal(position, index + 1, `log ${log} has no gap`);
    assert.equal(version, (versions.get(stream) ?? 0) + 1, `stream ${stream} has no gap`);
    versions.set(stream, version);
  }
  const rows = await Array.fromAsync(engine.scan({ kind: "streams", log, limit: 100_000 }));
  assert.deepEqual(new Map(rows.map((row) => [row.stream, row.version])), versions, `streams of ${log}`);
}
