import assert from "node:assert/strict";
import { hash32 } from "../../codec/mod.ts";
import {
  streamSlots,
  type Cell,
  type Change,
  type ClaimRequest,
  type ClaimResult,
  type CommitResult,
  type Enqueue,
  type Outcome,
  type Receipt,
  type RecordedEvent,
  type ReadRequest,
  type ReadResult,
  type Refusal,
} from "../mod.ts";
import { type ModelMessage, ModelQueues } from "./model-queue.ts";

/** A dedup key of a queue with the id of its message, or an inbox entry of a consumer. */
interface Remembered {
  readonly owner: string;
  readonly key: string;
  readonly id: string;
  readonly until: number;
}

/**
 * The reference model: what an engine has to answer, from lists that are searched from end to end. Ids and cell versions are chosen by the
 * engine, so each call is given the engine's answer: the model checks that they rise, takes them over, and compares all the rest.
 */
export class Model {
  readonly queues: ModelQueues = new ModelQueues();
  events: readonly (RecordedEvent & { readonly log: string })[] = [];
  cells: readonly Cell[] = [];
  #dedups: readonly Remembered[] = [];
  #inbox: readonly Remembered[] = [];
  #lastId = 0;
  #lastVersion = 0;

  /** Compares the engine's answer to a commit with the model's, and carries the commit out. */
  commit(changes: readonly Change[], answer: CommitResult, now: number): void {
    for (const [index, change] of changes.entries()) {
      const refusal = this.#refusal(change, changes.slice(0, index), now);
      if (refusal !== undefined) return assert.deepEqual(answer, { committed: false, index, refusal });
    }
    assert(answer.committed, `refused, although every precondition holds: ${JSON.stringify(answer)}`);
    assert.equal(answer.outcomes.length, changes.length, "one outcome a change");
    for (const [index, change] of changes.entries()) {
      const outcome: Outcome | undefined = answer.outcomes[index];
      assert(outcome !== undefined);
      assert.deepEqual(outcome, this.#apply(change, outcome, now));
    }
  }

  claim(request: ClaimRequest, answer: ClaimResult, now: number): void {
    const claims = this.queues.claim(request, now).map(({ shown, token }) => ({
      receipt: { queue: shown.queue, id: shown.id, token },
      body: shown.body,
      headers: shown.headers,
      key: shown.key,
      lane: shown.lane,
      attempt: shown.attempt,
      crashes: shown.crashes,
      enqueuedAtMs: shown.enqueuedAtMs,
      leaseUntilMs: shown.dueAtMs,
      failures: shown.failures,
    }));
    assert.deepEqual(answer, { claims, nextDueAtMs: this.queues.nextDue(request.queue) });
  }

  extend(receipts: readonly Receipt[], until: number, answer: readonly boolean[]): void {
    const held = receipts.map((receipt) => this.held(receipt));
    for (const message of held) if (message !== undefined) this.queues.setLease(message, until);
    assert.deepEqual(
      answer,
      held.map((message) => message !== undefined),
    );
  }

  read(request: ReadRequest): ReadResult {
    const inLog = this.events.filter((event) => event.log === request.log);
    const { types, streamPrefix = "", partition } = request;
    const fitting = inLog.filter(
      ({ position, stream, type }) =>
        position > request.after &&
        stream.startsWith(streamPrefix) &&
        (types === undefined || types.includes(type)) &&
        (partition === undefined || (hash32(stream) % streamSlots) % partition.count === partition.index),
    );
    const events = fitting.slice(0, request.limit).map(({ log: _log, ...event }) => event);
    const through =
      events.length === request.limit ? (events.at(-1)?.position ?? 0) : Math.max(inLog.length, request.after);
    return { events, through, head: inLog.length };
  }

  held(receipt: Receipt): ModelMessage | undefined {
    const message = this.queues.find(receipt.queue, receipt.id);
    return message?.shown.state === "running" && message.token === receipt.token ? message : undefined;
  }

  cell(space: string, key: string, now: number): Cell | undefined {
    return this.cells.find((cell) => cell.space === space && cell.key === key && !isOver(cell.expiresAtMs, now));
  }

  #refusal(change: Change, before: readonly Change[], now: number): Refusal | undefined {
    switch (change.op) {
      case "enqueue":
        return this.#queueFull(change, before, now);
      case "settle":
      case "hold":
        return this.held(change.receipt) === undefined ? { kind: "lease-lost", receipt: change.receipt } : undefined;
      case "append": {
        const { log, stream, expected } = change;
        const actual = this.#version(log, stream);
        const holds = { any: true, new: actual === 0, existing: actual > 0 };
        const isRight = typeof expected === "number" ? expected === actual : holds[expected];
        return isRight ? undefined : { kind: "version-conflict", log, stream, expected, actual };
      }
      case "put":
      case "check": {
        const { cell, expect: expected } = change;
        const actual = this.cell(cell.space, cell.key, now)?.version;
        const holds = { any: true, absent: actual === undefined, present: actual !== undefined };
        const isRight = typeof expected === "number" ? expected === actual : holds[expected];
        return isRight ? undefined : { kind: "cell-conflict", cell, expected, actual };
      }
      case "seen": {
        const { consumer, id } = change;
        return recall(this.#inbox, [consumer, id], now) === undefined
          ? undefined
          : { kind: "already-seen", consumer, id };
      }
      default:
        return undefined;
    }
  }

  #queueFull(change: Enqueue, before: readonly Change[], now: number): Refusal | undefined {
    const { queue, depthMax } = change;
    const earlier = before.filter((other) => other.op === "enqueue" && other.queue === queue) as readonly Enqueue[];
    const planned = earlier.reduce((sum, other) => sum + this.#added(other, now), 0);
    const added = this.#added(change, now);
    const depth = this.queues.depth(queue) + planned;
    if (depthMax === undefined || added === 0 || depth + added <= depthMax) return undefined;
    return { kind: "queue-full", queue, depth, depthMax };
  }

  #added({ queue, messages }: Enqueue, now: number): number {
    const keys = messages.map(({ dedup }) => dedup?.key);
    return keys.filter(
      (key, index) =>
        key === undefined || (keys.indexOf(key) === index && recall(this.#dedups, [queue, key], now) === undefined),
    ).length;
  }

  #apply(change: Change, answer: Outcome, now: number): Outcome {
    switch (change.op) {
      case "enqueue":
        return this.#enqueue(change, answer, now);
      case "settle": {
        const message = this.held(change.receipt);
        assert(message !== undefined);
        this.queues.settle(message, change.as, now);
        return { op: "settle" };
      }
      case "append":
        return this.#append(change, now);
      case "put":
        return this.#put(change, answer, now);
      case "seen":
        this.#inbox = [...this.#inbox, { owner: change.consumer, key: change.id, id: "", until: now + change.keepMs }];
        return { op: "seen" };
      case "wake":
      case "redrive":
      case "discard": {
        const named = [...new Set(change.ids)].map((id) => this.queues.find(change.queue, id));
        return { op: change.op, count: named.filter((each) => each && this.queues.move(change, each, now)).length };
      }
      case "flow":
        this.queues.named.add(change.queue);
        if (change.to === "paused") this.queues.paused.add(change.queue);
        else this.queues.paused.delete(change.queue);
        return { op: "flow" };
      default:
        return { op: change.op };
    }
  }

  #enqueue({ queue, messages, keyConcurrency = 1 }: Enqueue, answer: Outcome, now: number): Outcome {
    assert(answer.op === "enqueue" && answer.messages.length === messages.length, "one answer a message");
    this.queues.named.add(queue);
    const expected = messages.map((message, index) => {
      const { dedup } = message;
      const known = dedup === undefined ? undefined : recall(this.#dedups, [queue, dedup.key], now);
      if (known !== undefined) return { id: known.id, status: "existing" as const };
      const id = answer.messages[index]?.id ?? "";
      assert(Number(id) > this.#lastId, `id ${id} is above all earlier ones`);
      this.#lastId = Number(id);
      const { shown, token } = this.queues.add(message, { queue, id, keyConcurrency, now });
      if (dedup !== undefined)
        this.#dedups = [...this.#dedups, { owner: queue, key: dedup.key, id, until: now + dedup.forMs }];
      const receipt = shown.state === "running" ? { receipt: { queue, id, token } } : {};
      return { id, status: "added" as const, ...receipt };
    });
    return { op: "enqueue", messages: expected };
  }

  #append({ log, stream, events }: Extract<Change, { op: "append" }>, now: number): Outcome {
    const inLog = this.events.filter((event) => event.log === log);
    const recordedAtMs = Math.max(now, inLog.at(-1)?.recordedAtMs ?? 0);
    const version = this.#version(log, stream);
    const recorded = events.map(({ type, schema = 1, data, meta }, index) => ({
      log,
      stream,
      type,
      schema,
      data,
      meta,
      recordedAtMs,
      position: inLog.length + index + 1,
      version: version + index + 1,
    }));
    this.events = [...this.events, ...recorded];
    return { op: "append", version: version + events.length, position: inLog.length + events.length };
  }

  #put({ cell, value, expiresInMs }: Extract<Change, { op: "put" }>, answer: Outcome, now: number): Outcome {
    assert(answer.op === "put" && answer.version > this.#lastVersion, "the version is above all earlier ones");
    const { version } = answer;
    this.#lastVersion = version;
    const others = this.cells.filter((other) => other.space !== cell.space || other.key !== cell.key);
    const expiresAtMs = expiresInMs === undefined ? undefined : now + expiresInMs;
    this.cells = value === undefined ? others : [...others, { ...cell, value, version, expiresAtMs }];
    return { op: "put", version };
  }

  #version(log: string, stream: string): number {
    return this.events.filter((event) => event.log === log && event.stream === stream).length;
  }
}

function isOver(expiresAtMs: number | undefined, now: number): boolean {
  return expiresAtMs !== undefined && expiresAtMs <= now;
}

/** The latest entry counts, also when a clock that stepped back makes an earlier one valid again. */
function recall(
  entries: readonly Remembered[],
  [owner, key]: readonly [string, string],
  now: number,
): Remembered | undefined {
  const latest = entries.findLast((entry) => entry.owner === owner && entry.key === key);
  return latest === undefined || isOver(latest.until, now) ? undefined : latest;
}
