import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { RecordedEvent } from "../engine/mod.ts";
import { eventTypes } from "./event-types.ts";

type Priced = { readonly type: "Priced"; readonly data: { readonly amountMinor: number; readonly currency: string } };

const types = eventTypes<Priced>({
  Priced: {
    version: 3,
    schema: z.object({ amountMinor: z.number().int(), currency: z.string().length(3) }),
    upcast: {
      1: ({ price }: { readonly price: number }) => ({ amount: price }),
      2: ({ amount }: { readonly amount: number }) => ({ amountMinor: amount * 100, currency: "GBP" }),
    },
  },
});

function recorded(schema: number, data: object, type = "Priced"): RecordedEvent {
  return {
    type,
    schema,
    data: JSON.stringify(data),
    stream: "s",
    version: 1,
    position: 1,
    recordedAtMs: 0,
    meta: undefined,
  };
}

describe("event types", () => {
  test("an event of any older version is read at today's", () => {
    const today = { type: "Priced", data: { amountMinor: 500, currency: "GBP" } };
    expect(types.decode(recorded(1, { price: 5 }))).toEqual(today);
    expect(types.decode(recorded(2, { amount: 5 }))).toEqual(today);
    expect(types.decode(recorded(3, today.data))).toEqual(today);
  });

  test("what is written carries today's version and passed its schema", () => {
    expect(types.encode({ type: "Priced", data: { amountMinor: 5, currency: "EUR" } })).toMatchObject({ schema: 3 });
    expect(() => types.encode({ type: "Priced", data: { amountMinor: 0.5, currency: "EUR" } })).toThrow(/amountMinor/);
  });

  test("a newer version or an unknown type is an error that says what is known, a foreign system event is nothing", () => {
    expect(() => types.decode(recorded(4, {}))).toThrow(/up to version 3/);
    expect(() => types.decode(recorded(1, {}, "Renamed"))).toThrow(/knows Priced/);
    expect(types.decode(recorded(1, {}, "$erased"))).toBeUndefined();
  });

  test.each([
    ["a hole in the chain", { version: 3, upcast: { 1: (data: object) => data } }],
    ["a step beyond the version", { version: 1, upcast: { 1: (data: object) => data } }],
    ["a version below 1", { version: 0 }],
  ])("%s is refused at construction", (_name, definition) => {
    expect(() => eventTypes<Priced>({ Priced: definition })).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });

  test("names that belong to the system are refused", () => {
    expect(() => eventTypes<{ readonly type: "$mine"; readonly data: object }>({ $mine: {} })).toThrow(/"\$"/);
  });
});
