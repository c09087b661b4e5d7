import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deque, type Deque } from "./mod.ts";

const operations = ["pushBack", "pushFront", "popBack", "popFront"] as const;
type Operation = (typeof operations)[number];

describe("a deque", () => {
  test("agrees with an array under any history", () => {
    const history = fc.array(fc.constantFrom(...operations, "pushBack", "pushFront"), { maxLength: 300 });
    fc.assert(
      fc.property(history, (steps) => {
        const queue = deque<number>();
        const model: number[] = [];
        for (const [item, operation] of steps.entries()) {
          expect(play(queue, operation, item)).toBe(playOnArray(model, operation, item));
          expect([queue.size, queue.peekFront(), queue.peekBack()]).toEqual([model.length, model[0], model.at(-1)]);
        }
        expect([...queue]).toEqual(model);
        expect(model.map((_, position) => queue.at(position))).toEqual(model);
      }),
    );
  });

  test("grows to many items and drains in order from either end", () => {
    const queue = deque<number>();
    for (let item = 0; item < 5_000; item++) queue.pushBack(item);
    for (let item = 0; item < 2_500; item++) expect(queue.popFront()).toBe(item);
    for (let item = 4_999; item >= 2_500; item--) expect(queue.popBack()).toBe(item);
    expect([queue.popFront(), queue.popBack(), queue.size]).toEqual([undefined, undefined, 0]);
  });

  test("holds undefined as an item", () => {
    const queue = deque<undefined>();
    queue.pushBack(undefined);
    expect([queue.size, [...queue]]).toEqual([1, [undefined]]);
  });

  test("is empty after clear and can be filled again", () => {
    const queue = deque<string>();
    for (let count = 0; count < 40; count++) queue.pushFront("x");
    queue.clear();
    queue.pushFront("y");
    expect([...queue]).toEqual(["y"]);
  });
});

function play(queue: Deque<number>, operation: Operation, item: number): number | undefined {
  if (operation === "pushBack") queue.pushBack(item);
  else if (operation === "pushFront") queue.pushFront(item);
  else return operation === "popBack" ? queue.popBack() : queue.popFront();
  return undefined;
}

function playOnArray(model: number[], operation: Operation, item: number): number | undefined {
  if (operation === "pushBack") model.push(item);
  else if (operation === "pushFront") model.unshift(item);
  else return operation === "popBack" ? model.pop() : model.shift();
  return undefined;
}
