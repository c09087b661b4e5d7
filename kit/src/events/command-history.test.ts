import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { commandHistory, type CommandHistory } from "./command-history.ts";
import type { EventStore } from "./event-store.ts";
import { historyDecider } from "./history-decider.ts";
import { openEventStore } from "./open-event-store.ts";

interface Drawing {
  readonly shapes: Set<string>;
  readonly keys: string[];
}

type Draw = {
  readonly draw: { run(shape: string, context: { readonly key: string }): number; undo(shape: string): void };
};

function historyOf(store: EventStore, { shapes, keys }: Drawing, entriesMax = 100): CommandHistory<Draw> {
  return commandHistory({
    store,
    name: "drawing",
    entriesMax,
    commands: {
      draw: {
        run(shape: string, { key }) {
          keys.push(key);
          if (shape === "impossible") throw new Error("impossible");
          return shapes.add(shape).size;
        },
        undo: (shape: string) => void shapes.delete(shape),
      },
    },
  });
}

async function openStore(): Promise<EventStore> {
  return openEventStore({ engine: await openMemoryEngine({ clock: manualClock() }) });
}

test("commands are undone in reverse and redone in order", async () => {
  const drawing = { shapes: new Set<string>(), keys: [] };
  const history = historyOf(await openStore(), drawing);
  expect(await history.execute("ada", "draw", "circle")).toBe(1);
  expect(await history.execute("ada", "draw", "square")).toBe(2);
  expect(await history.undo("ada")).toBe("draw");
  expect([...drawing.shapes]).toEqual(["circle"]);
  expect(await history.redo("ada")).toBe("draw");
  expect([...drawing.shapes]).toEqual(["circle", "square"]);
  await history.undo("ada");
  await history.undo("ada");
  expect([await history.undo("ada"), [...drawing.shapes], await history.undo("eve")]).toEqual([
    undefined,
    [],
    undefined,
  ]);
});

test("a new command forgets what could be redone, and a failed one leaves no entry", async () => {
  const history = historyOf(await openStore(), { shapes: new Set(), keys: [] });
  await history.execute("ada", "draw", "circle");
  await history.undo("ada");
  await expect(history.execute("ada", "draw", "impossible")).rejects.toThrow("impossible");
  await history.execute("ada", "draw", "square");
  expect(await history.redo("ada")).toBeUndefined();
  expect((await history.list("ada")).done).toEqual([{ command: "draw", input: "square", result: 1 }]);
});

test("what a crash interrupted is finished first, under its old key", async () => {
  const store = await openStore();
  const drawing = { shapes: new Set<string>(), keys: [] };
  await store.execute(historyDecider("drawing", 100), "ada", {
    kind: "begin",
    action: "do",
    command: "draw",
    input: "circle",
  });
  const history = historyOf(store, drawing);
  await history.execute("ada", "draw", "square");
  expect([...drawing.shapes]).toEqual(["circle", "square"]);
  expect(drawing.keys).toEqual(["drawing/ada/1", "drawing/ada/2"]);
});

test("only so many commands can be taken back", async () => {
  const history = historyOf(await openStore(), { shapes: new Set(), keys: [] }, 2);
  for (const shape of ["a", "b", "c"]) await history.execute("ada", "draw", shape);
  expect((await history.list("ada")).done.map(({ input }) => input)).toEqual(["b", "c"]);
});

interface Slow {
  readonly keys: string[];
  readonly gate: PromiseWithResolvers<void>;
  readonly history: CommandHistory<{
    readonly lock: { run(input: string, context: { readonly key: string }): Promise<string>; undo(): void };
  }>;
}

/** A command of which the first execution waits for the gate. */
function slowHistory(store: EventStore): Slow {
  const keys: string[] = [];
  const gate = Promise.withResolvers<void>();
  const run = async (input: string, { key }: { readonly key: string }): Promise<string> => {
    keys.push(key);
    if (keys.length === 1) await gate.promise;
    return input;
  };
  const history = commandHistory({
    store,
    name: "slow",
    leaseMs: 3_000,
    commands: { lock: { run, undo: () => undefined } },
  });
  return { keys, gate, history };
}

test("a command that still runs is not run by the next caller, however long it takes", async () => {
  const clock = manualClock();
  const store = await openEventStore({ engine: await openMemoryEngine({ clock }) });
  const { keys, gate, history } = slowHistory(store);
  const first = history.execute("ada", "lock", "first");
  await clock.settle();
  const others = [history.execute("ada", "lock", "second"), history.undo("ada")];
  expect(await history.execute("eve", "lock", "another owner")).toBe("another owner");
  await clock.advance(30_000);
  expect(keys).toEqual(["slow/ada/1", "slow/eve/1"]);
  gate.resolve();
  expect(await first).toBe("first");
  for (let step = 0; step < 10; step++) await clock.advance(1_000);
  expect(await Promise.all(others)).toEqual(["second", "lock"]);
  expect(keys.filter((key) => key === "slow/ada/1")).toHaveLength(1);
  expect((await history.list("ada")).done.map(({ input }) => input)).toEqual(["first"]);
  expect(await Array.fromAsync(store.engine.scan({ kind: "cells", space: "history-lease/main/slow" }))).toEqual([]);
  expect(clock.timersPending).toBe(0);
});

test("a caller that was taken for gone is told so, and the history tells what counts", async () => {
  const clock = manualClock();
  const store = await openEventStore({ engine: await openMemoryEngine({ clock }) });
  const { keys, gate, history } = slowHistory(store);
  const first = history.execute("ada", "lock", "first");
  await clock.settle();
  // As after a long pause of the process: the lease is gone, and the caller does not know.
  const cell = { space: "history-lease/main/slow", key: "ada" };
  await store.engine.commit([{ op: "put", cell, expect: "any", value: undefined }]);
  expect(await history.execute("ada", "lock", "second")).toBe("second");
  gate.resolve();
  await expect(first).rejects.toMatchObject({ code: "TAKEN_OVER", key: "slow/ada/1" });
  expect(keys).toEqual(["slow/ada/1", "slow/ada/1", "slow/ada/2"]);
  expect((await history.list("ada")).done.map(({ input }) => input)).toEqual(["first", "second"]);
});

test("the act of a process that is gone is finished once its lease has run out", async () => {
  const clock = manualClock();
  const store = await openEventStore({ engine: await openMemoryEngine({ clock }) });
  const begin = { kind: "begin", action: "do", command: "lock", input: "lost" } as const;
  await store.execute(historyDecider("slow", 100), "ada", begin);
  const cell = { space: "history-lease/main/slow", key: "ada" };
  await store.engine.commit([{ op: "put", cell, expect: "absent", value: "held", expiresInMs: 3_000 }]);
  const { keys, gate, history } = slowHistory(store);
  gate.resolve();
  const next = history.execute("ada", "lock", "next");
  await clock.advance(2_900);
  expect(keys).toEqual([]);
  await clock.advance(2_000);
  expect(await next).toBe("next");
  expect(keys).toEqual(["slow/ada/1", "slow/ada/2"]);
});
