import type { Random } from "../../random/mod.ts";
import type { Lack } from "./rule.ts";
import type {
  Append,
  Change,
  Check,
  ClaimRequest,
  Discard,
  Enqueue,
  Flow,
  NewMessage,
  Put,
  ReadRequest,
  Redrive,
  Seen,
  Settlement,
  Wake,
} from "../mod.ts";

/** A change of a history before it runs. What only the run knows (ids, receipts, versions) is named by a number that the run resolves,
 *  so that a history stays meaningful when parts of it are taken out. */
export type PlannedChange =
  | Enqueue
  | Seen
  | Flow
  | { readonly op: "settle"; readonly pick: number; readonly as: Settlement }
  | { readonly op: "hold"; readonly pick: number }
  | (Omit<Append, "expected"> & { readonly expected: Expected })
  | (Omit<Put, "expect"> & { readonly expect: Expected })
  | (Omit<Check, "expect"> & { readonly expect: Expected })
  | (WithoutIds<Wake> | WithoutIds<Redrive> | WithoutIds<Discard>);

type WithoutIds<Move extends Wake | Redrive | Discard> = Omit<Move, "ids"> & { readonly picks: readonly number[] };

/** `current` and `stale` become a version at the run. */
export type Expected = "any" | "present" | "absent" | "current" | "stale";

/** One call of the engine. */
export type PlannedCall =
  | { readonly call: "commit"; readonly changes: readonly PlannedChange[] }
  | { readonly call: "claim"; readonly request: ClaimRequest }
  | { readonly call: "extend"; readonly picks: readonly number[]; readonly leaseMs: number };

/** The calls of one step are made in one turn, on one of the engines that share the data. */
export type Step =
  | { readonly do: "calls"; readonly engine: number; readonly calls: readonly PlannedCall[] }
  | { readonly do: "read"; readonly engine: number; readonly request: ReadRequest }
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "jump"; readonly ms: number };

export const historyQueues = ["red", "blue"] as const;
export const historySpaces = ["locks", "state"] as const;
export const historyLogs = ["main", "audit"] as const;
const keys = ["k1", "k2", "k3"] as const;
const streams = ["s-1", "s-2", "t-1", "t-2", "t-3"] as const;
const delays = [0, 1, 40, 100, 250, 1000] as const;

/** A random history of the given length. Half of them let the clock step back, the others let maintenance run. */
export function randomHistory(random: Random, steps: number): readonly Step[] {
  const time = random.pick(["jumping", "steady"] as const);
  return Array.from({ length: steps }, () => randomStep(random, time));
}

function randomStep(random: Random, time: "jumping" | "steady"): Step {
  const engine = random.integer(0, 1);
  const isJumping = time === "jumping";
  const die = random.next();
  if (die < 0.18)
    return { do: "advance", ms: isJumping ? random.pick([1, 20, 50]) : random.pick([1, 40, 100, 300, 1000, 12_000]) };
  if (die < 0.22 && isJumping) return { do: "jump", ms: random.pick([-500, -60, -1, 1, 300, 3000]) };
  if (die < 0.3) return { do: "read", engine, request: randomRead(random) };
  return { do: "calls", engine, calls: several(random, 4, () => randomCall(random)) };
}

function randomCall(random: Random): PlannedCall {
  const die = random.next();
  if (die < 0.7) return { call: "commit", changes: several(random, 4, () => randomChange(random)) };
  if (die < 0.95) return { call: "claim", request: randomClaim(random) };
  return { call: "extend", picks: several(random, 3, () => random.integer(0, 20)), leaseMs: random.pick([50, 200]) };
}

function randomClaim(random: Random): ClaimRequest {
  return {
    queue: random.pick(historyQueues),
    count: random.pick([1, 2, 3, 10]),
    leaseMs: random.pick([30, 100, 500]),
    suspects: random.pick([undefined, 0, 1, 2]),
    crashesMax: random.pick([undefined, 1, 2, 3]),
  };
}

function randomChange(random: Random): PlannedChange {
  const die = random.next();
  const queue = random.pick(historyQueues);
  const cell = { space: random.pick(historySpaces), key: random.pick(keys) };
  const expect = random.pick(["any", "any", "present", "absent", "current", "current", "stale"] as const);
  if (die < 0.3) return randomEnqueue(random, queue);
  if (die < 0.55) return { op: "settle", pick: random.integer(0, 9), as: randomSettlement(random) };
  if (die < 0.6) return { op: "hold", pick: random.integer(0, 9) };
  if (die < 0.7) return randomAppend(random, expect);
  if (die < 0.78) return randomPut(random, cell, expect);
  if (die < 0.82) return { op: "check", cell, expect };
  if (die < 0.86)
    return { op: "seen", consumer: random.pick(keys), id: random.pick(keys), keepMs: random.pick([1, 100, 1000]) };
  if (die < 0.89) return { op: "flow", queue, to: random.pick(["open", "open", "paused"] as const) };
  const picks = several(random, 3, () => random.integer(0, 30));
  return random.pick<PlannedChange>([
    { op: "wake", queue, picks },
    { op: "redrive", queue, picks, keyConcurrency: random.pick([undefined, 1, 2]) },
    { op: "discard", queue, picks, state: random.pick([undefined, "dead"] as const) },
  ]);
}

function randomEnqueue(random: Random, queue: string): Enqueue {
  return {
    op: "enqueue",
    queue,
    messages: several(random, 3, () => randomMessage(random)),
    keyConcurrency: random.pick([undefined, undefined, 1, 2, 3]),
    depthMax: random.pick([undefined, undefined, undefined, 5, 15]),
  };
}

function randomMessage(random: Random): NewMessage {
  const body = `body ${random.integer(0, 999)}`;
  const lane = random.pick([undefined, 0, 1, 9]);
  const headers = random.next() < 0.1 ? { trace: body } : undefined;
  const dedup = random.next() < 0.25 ? { key: random.pick(keys), forMs: random.pick([1, 100, 1000]) } : undefined;
  if (random.next() < 0.1) return { body, lane, headers, dedup, claimForMs: random.pick([50, 200]) };
  const key = random.next() < 0.5 ? random.pick(keys) : undefined;
  const delayMs = random.next() < 0.3 ? random.pick(delays) : undefined;
  return { body, lane, headers, dedup, key, delayMs };
}

function randomSettlement(random: Random): Settlement {
  const failure = random.pick([undefined, "no route", "timed out"]);
  const delayMs = random.pick(delays);
  return random.pick<Settlement>([
    { kind: "ack" },
    { kind: "ack" },
    { kind: "retry", delayMs, failure },
    { kind: "park", delayMs: random.next() < 0.5 ? delayMs : undefined },
    { kind: "dead", reason: "refused", failure },
    { kind: "release" },
  ]);
}

function randomAppend(random: Random, expected: Expected): PlannedChange {
  const events = several(random, 3, () => ({
    type: random.pick(["A", "B"]),
    data: String(random.integer(0, 999)),
    schema: random.pick([undefined, 2]),
    meta: random.pick([undefined, "by me"]),
  }));
  return { op: "append", log: random.pick(historyLogs), stream: random.pick(streams), expected, events };
}

function randomPut(random: Random, cell: Put["cell"], expect: Expected): PlannedChange {
  const value = random.next() < 0.25 ? undefined : String(random.integer(0, 999));
  return { op: "put", cell, expect, value, expiresInMs: random.pick([undefined, undefined, 50, 300]) };
}

function randomRead(random: Random): ReadRequest {
  const count = random.integer(1, 3);
  return {
    log: random.pick(historyLogs),
    after: random.integer(0, 12),
    limit: random.pick([1, 3, 100]),
    types: random.pick([undefined, ["A"], ["A", "B"], []]),
    streamPrefix: random.pick([undefined, "s-", "t-1"]),
    partition: random.pick([undefined, { index: random.integer(0, count - 1), count }]),
  };
}

/** 1 to `most` of them. */
function several<T>(random: Random, most: number, make: () => T): readonly T[] {
  return Array.from({ length: random.integer(1, most) }, make);
}

/** What is left of a history for an engine that does not have everything. */
export function within(history: readonly Step[], lacks: readonly Lack[]): readonly Step[] {
  if (lacks.length === 0) return history;
  return history.flatMap((step): readonly Step[] => {
    if (step.do === "read" && lacks.includes("events")) return [];
    return step.do === "calls" ? [{ ...step, calls: step.calls.flatMap((call) => callWithin(call, lacks)) }] : [step];
  });
}

function partOf(op: Change["op"]): Lack {
  if (op === "append") return "events";
  if (op === "put" || op === "check") return "cells";
  return op === "seen" ? "inbox" : "messages";
}

function callWithin(call: PlannedCall, lacks: readonly Lack[]): readonly PlannedCall[] {
  if (call.call !== "commit") return lacks.includes("messages") ? [] : [call];
  const changes = call.changes.filter(({ op }) => !lacks.includes(partOf(op)));
  return [{ ...call, changes: lacks.includes("lists") ? changes.slice(0, 1) : changes }];
}

/** What a commit may name once: a change that repeats an earlier one of its list. */
export function withoutRepeats(changes: readonly Change[]): readonly Change[] {
  const named = new Set<string>();
  return changes.filter((change) => {
    const name = nameOf(change);
    if (name === undefined) return true;
    if (named.has(name)) return false;
    named.add(name);
    return true;
  });
}

function nameOf(change: Change): string | undefined {
  if (change.op === "settle" || change.op === "hold") return `receipt ${change.receipt.id}`;
  if (change.op === "append") return `stream ${change.log} ${change.stream}`;
  if (change.op === "put" || change.op === "check") return `cell ${change.cell.space} ${change.cell.key}`;
  return change.op === "seen" ? `inbox ${change.consumer} ${change.id}` : undefined;
}
