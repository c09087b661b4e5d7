import fc from "fast-check";
import { expect, test } from "vitest";
import type { WireMessage } from "../../drivers/amqp/mod.ts";
import { UnsettledTags } from "./unsettled-tags.ts";

function message(deliveryTag: number): WireMessage {
  const fields = { deliveryTag, redelivered: false, exchange: "", routingKey: "jobs" };
  return { content: new Uint8Array(), properties: {}, fields };
}

function delivered(...tags: readonly number[]): UnsettledTags {
  const unsettled = new UnsettledTags();
  for (const tag of tags) unsettled.delivered(tag);
  return unsettled;
}

/** The tags of what is to be sent. */
function taken(unsettled: UnsettledTags): readonly [number | undefined, readonly number[]] {
  const { upTo, single } = unsettled.take();
  return [upTo?.fields.deliveryTag, single.map(({ fields }) => fields.deliveryTag)];
}

test("what is settled without a gap is acknowledged as one, in whatever order it was settled", () => {
  const unsettled = delivered(1, 2, 3, 4);
  for (const tag of [2, 3, 1]) unsettled.acknowledge(message(tag));
  expect(taken(unsettled)).toEqual([3, []]);
  expect(taken(unsettled)).toEqual([undefined, []]);
});

test("what lies behind an unsettled delivery is acknowledged by itself", () => {
  const unsettled = delivered(1, 2, 3, 4);
  for (const tag of [1, 3, 4]) unsettled.acknowledge(message(tag));
  expect(taken(unsettled)).toEqual([1, [3, 4]]);
  unsettled.acknowledge(message(2));
  expect(taken(unsettled)).toEqual([2, []]);
});

test("a delivery that was handed back keeps nothing apart", () => {
  const unsettled = delivered(1, 2);
  unsettled.handedBack(1);
  unsettled.acknowledge(message(2));
  expect(taken(unsettled)).toEqual([2, []]);
});

test("when a delivery never came here nothing is acknowledged together", () => {
  const unsettled = delivered(1, 3, 4);
  for (const tag of [1, 3, 4]) unsettled.acknowledge(message(tag));
  expect(taken(unsettled)).toEqual([undefined, [1, 3, 4]]);
});

const step = fc.oneof(fc.constant("deliver"), fc.constant("take"), fc.nat({ max: 9 }));

test("the broker takes for settled exactly what was acknowledged", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const unsettled = new UnsettledTags();
      const atBroker = new Set<number>();
      const held: number[] = [];
      const send = (): void => {
        const [upTo = 0, single] = taken(unsettled);
        if (upTo > 0) expect(atBroker.has(upTo)).toBe(true);
        for (const tag of atBroker) if (tag <= upTo) atBroker.delete(tag);
        for (const tag of single) expect(atBroker.delete(tag)).toBe(true);
      };
      let last = 0;
      for (const next of steps) {
        if (next === "deliver") {
          unsettled.delivered(++last);
          atBroker.add(last);
          held.push(last);
        } else if (next === "take") send();
        else for (const tag of held.splice(next, 1)) unsettled.acknowledge(message(tag));
      }
      send();
      expect([...atBroker]).toEqual(held);
    }),
  );
});
