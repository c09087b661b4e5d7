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
