import assert from "node:assert/strict";
import { type ManualClock, manualClock } from "../../clock/mod.ts";
import type { Change, Engine, ExpectedCell, ExpectedVersion, Receipt } from "../mod.ts";
import { auditEngine } from "./audit.ts";
import {
  type Expected,
  historyLogs,
  historyQueues,
  historySpaces,
  type PlannedCall,
  type PlannedChange,
  type Step,
  withoutRepeats,
} from "./history.ts";
import { Model } from "./model.ts";
import type { OpenWhole } from "./whole.ts";

/** Runs a history on a fresh engine and on the model side by side. Rejects at the first difference, and when the audit finds a fault at the end. */
export async function runHistory(openEngine: OpenWhole, steps: readonly Step[]): Promise<void> {
  const clock = manualClock();
  const fixture = await openEngine({ clock });
  try {
    const another = await fixture.openAnother?.();
    const run = new HistoryRun(another === undefined ? [fixture.engine] : [fixture.engine, another], clock);
    for (const step of steps) await run.step(step);
    for (const engine of run.engines) await auditEngine(engine, historyQueues, historyLogs);
  } finally {
    await fixture.dispose();
  }
}

class HistoryRun {
  readonly engines: readonly Engine[];
  readonly #clock: ManualClock;
  readonly #model = new Model();
  readonly #receipts: Receipt[] = [];

  constructor(engines: readonly Engine[], clock: ManualClock) {
    this.engines = engines;
    this.#clock = clock;
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case "advance":
        return this.#clock.advance(step.ms);
      case "jump":
        return this.#clock.jump(step.ms);
      case "read": {
        const answer = await this.#engine(step.engine).read(step.request);
        return assert.deepEqual(answer, this.#model.read(step.request), "read");
      }
      case "calls": {
        const engine = this.#engine(step.engine);
        // All calls are made before any is answered; the model then follows in their order.
        const follow = await Promise.all(step.calls.map((call) => this.#make(engine, call)));
        for (const carryOut of follow) carryOut();
        return this.#compareAll(this.#engine(step.engine + 1));
      }
      default:
        throw new Error(`unknown step ${JSON.stringify(step satisfies never)}`);
    }
  }

  #engine(pick: number): Engine {
    const engine = this.engines[pick % this.engines.length];
    assert(engine !== undefined);
    return engine;
  }

  async #make(engine: Engine, planned: PlannedCall): Promise<() => void> {
    const now = this.#clock.now();
    switch (planned.call) {
      case "commit": {
        const changes = withoutRepeats(planned.changes.map((change) => this.#resolve(change, now)));
        const answer = await engine.commit(changes);
        return () => {
          this.#model.commit(changes, answer, now);
          for (const outcome of answer.committed ? answer.outcomes : [])
            if (outcome.op === "enqueue")
              this.#receipts.push(...outcome.messages.flatMap(({ receipt }) => receipt ?? []));
        };
      }
      case "claim": {
        const answer = await engine.claim(planned.request);
        return () => {
          this.#model.claim(planned.request, answer, now);
          this.#receipts.push(...answer.claims.map(({ receipt }) => receipt));
        };
      }
      case "extend": {
        const receipts = planned.picks.map((pick) => this.#receipt(pick));
        const answer = await engine.extend(receipts, planned.leaseMs);
        return () => this.#model.extend(receipts, now + planned.leaseMs, answer);
      }
      default:
        throw new Error(`unknown call ${JSON.stringify(planned satisfies never)}`);
    }
  }

  #resolve(change: PlannedChange, now: number): Change {
    switch (change.op) {
      case "settle":
        return { op: "settle", receipt: this.#receipt(change.pick), as: change.as };
      case "hold":
        return { op: "hold", receipt: this.#receipt(change.pick) };
      case "append":
        return { ...change, expected: this.#version(change) };
      case "put":
      case "check":
        return {
          ...change,
          expect: this.#expectation(change.expect, this.#model.cell(change.cell.space, change.cell.key, now)?.version),
        };
      case "wake":
      case "redrive":
      case "discard": {
        const { picks, ...move } = change;
        return { ...move, ids: picks.map((pick) => this.#idOf(pick)) };
      }
      default:
        return change;
    }
  }

  /** One of the latest receipts, current or not. */
  #receipt(pick: number): Receipt {
    return this.#receipts.at(-1 - pick) ?? this.#receipts.at(0) ?? { queue: historyQueues[0], id: "1", token: 1 };
  }

  #idOf(pick: number): string {
    const { messages } = this.#model.queues;
    return messages[pick % Math.max(1, messages.length)]?.shown.id ?? "1";
  }

  #version({ log, stream, expected }: { log: string; stream: string; expected: Expected }): ExpectedVersion {
    const version = this.#model.events.filter((event) => event.log === log && event.stream === stream).length;
    if (expected === "current") return version;
    if (expected === "stale") return version + 1;
    return expected === "any" ? "any" : expected === "present" ? "existing" : "new";
  }

  #expectation(expected: Expected, version: number | undefined): ExpectedCell {
    if (expected === "stale") return (version ?? 0) + 1_000_000;
    return expected === "current" ? (version ?? "absent") : expected;
  }

  async #compareAll(engine: Engine): Promise<void> {
    const { queues } = this.#model;
    const now = this.#clock.now();
    const { parts } = engine.can;
    for (const queue of parts.includes("messages") ? historyQueues : []) {
      const stored = await Array.fromAsync(engine.scan({ kind: "messages", queue }));
      const expected = queues.messages.map(({ shown }) => shown).filter((shown) => shown.queue === queue);
      assert.deepEqual(stored, expected, `messages of ${queue}`);
    }
    for (const space of parts.includes("cells") ? historySpaces : []) {
      const cells = await Array.fromAsync(engine.scan({ kind: "cells", space }));
      const expected = this.#model.cells
        .map((cell) => this.#model.cell(cell.space, cell.key, now))
        .filter((cell) => cell?.space === space)
        .toSorted((left, right) => (left !== undefined && right !== undefined && left.key < right.key ? -1 : 1));
      assert.deepEqual(cells, expected, `cells of ${space}`);
    }
    for (const log of parts.includes("events") ? historyLogs : []) {
      const request = { log, after: 0, limit: 10_000 };
      assert.deepEqual(await engine.read(request), this.#model.read(request), `log ${log}`);
    }
  }
}
