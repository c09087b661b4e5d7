import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Handle, indexedHeap, type IndexedHeap } from "./mod.ts";

interface Entry {
  key: number;
}

type Step = { readonly do: "push" | "pop" | "remove" | "update"; readonly key: number; readonly pick: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    do: fc.constantFrom("push", "push", "pop", "remove", "update"),
    key: fc.integer({ min: 0, max: 20 }),
    pick: fc.nat(),
  }),
  { maxLength: 200 },
);

function emptyHeap(): IndexedHeap<Entry> {
  return indexedHeap((left, right) => left.key - right.key);
}

describe("an indexed heap", () => {
  test("agrees with an array that is searched, under any history", () => {
    fc.assert(
      fc.property(steps, (history) => {
        const heap = emptyHeap();
        const model: Handle<Entry>[] = [];
        for (const step of history) {
          play(heap, model, step);
          expect(heap.size).toBe(model.length);
          expect(heap.peek()?.key).toBe(least(model));
        }
        const drained: number[] = [];
        for (let item = heap.pop(); item !== undefined; item = heap.pop()) drained.push(item.key);
        expect(drained).toEqual(model.map(({ item }) => item.key).toSorted((left, right) => left - right));
      }),
    );
  });

  test("an entry that left can be neither removed nor updated", () => {
    const heap = emptyHeap();
    const popped = heap.push({ key: 1 });
    const removed = heap.push({ key: 2 });
    const kept = heap.push({ key: 3 });
    heap.pop();
    expect(heap.remove(removed)).toBe(true);
    expect([heap.remove(popped), heap.update(popped), heap.remove(removed), heap.update(removed)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(heap.remove(kept)).toBe(true);
    expect(heap.size).toBe(0);
  });

  test("a handle of another heap is refused", () => {
    const [left, right] = [emptyHeap(), emptyHeap()];
    const handle = left.push({ key: 1 });
    right.push({ key: 1 });
    expect(right.remove(handle)).toBe(false);
    expect(right.size).toBe(1);
  });
});

function play(heap: IndexedHeap<Entry>, model: Handle<Entry>[], step: Step): void {
  const position = step.pick % Math.max(1, model.length);
  const chosen = model[position];
  if (step.do === "push") model.push(heap.push({ key: step.key }));
  else if (step.do === "pop") {
    const popped = heap.pop();
    expect(popped?.key).toBe(least(model));
    const at = model.findIndex(({ item }) => item === popped);
    if (at >= 0) model.splice(at, 1);
  } else if (chosen !== undefined && step.do === "remove") {
    expect(heap.remove(chosen)).toBe(true);
    model.splice(position, 1);
  } else if (chosen !== undefined) {
    chosen.item.key = step.key;
    expect(heap.update(chosen)).toBe(true);
  }
}

function least(model: readonly Handle<Entry>[]): number | undefined {
  return model.length === 0 ? undefined : Math.min(...model.map(({ item }) => item.key));
}
