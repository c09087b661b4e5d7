import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, DecodeError, EncodeError, jsonCodec } from "./mod.ts";

const codec = jsonCodec<unknown>();

function refusalOf(value: unknown): string {
  try {
    codec.encode(value);
  } catch (error) {
    if (error instanceof EncodeError) return error.path;
    throw error;
  }
  return "not refused";
}

class Money {
  readonly minor = 5;
}

describe("the JSON codec", () => {
  test("gives back every JSON value unchanged", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(codec.decode(codec.encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 50 },
    );
  });

  test("either gives a value back as it was or refuses it, whatever it is", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: false, withSparseArray: true }), (value) => {
        if (refusalOf(value) !== "not refused") return;
        expect(codec.decode(codec.encode(value))).toEqual(positiveZeros(value)); // toEqual: undefined fields count as left out
      }),
      { numRuns: 300 },
    );
  });

  test("refuses what JSON would change, naming the place", () => {
    const sparse: number[] = [];
    sparse[1] = 1;
    const cases: readonly (readonly [unknown, string])[] = [
      [1n, ""],
      [Number.NaN, ""],
      [{ a: { b: -Infinity } }, "a.b"],
      [{ items: [{ price: 5n }] }, "items[0].price"],
      [{ run: () => 1 }, "run"],
      [[Symbol("s")], "[0]"],
      [[1, undefined], "[1]"],
      [{ list: sparse }, "list[0]"],
      [{ at: new Date(0) }, "at"],
      [new Map(), ""],
      [[new Set()], "[0]"],
      [{ bytes: new Uint8Array(2) }, "bytes"],
      [{ error: new Error("x") }, "error"],
      [{ price: new Money() }, "price"],
      [{ a: Object(5) as unknown }, "a"],
      [{ toJSON: () => 1 }, ""],
    ];
    for (const [value, path] of cases) expect(refusalOf(value)).toBe(path);
    expect(() => codec.encode({ price: new Money() })).toThrow(
      "cannot encode price: JSON would lose that it is a Money",
    );
  });

  test("refuses a cycle and nesting beyond 1,000, but not the same object twice", () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(refusalOf(loop)).toBe("self");
    const shared = { a: 1 };
    expect(codec.encode([shared, shared])).toBe('[{"a":1},{"a":1}]');
    const nested = (depth: number): unknown => Array.from({ length: depth }).reduce<unknown>((inner) => [inner], 0);
    expect(refusalOf(nested(1_000))).toBe("not refused");
    expect(refusalOf(nested(1_001))).toMatch(/^(\[0\]){1000}$/);
    expect(refusalOf(nested(50_000))).toMatch(/^(\[0\]){1000}$/);
  });

  test("leaves undefined fields out and takes objects without a prototype", () => {
    expect(codec.encode({ a: undefined, b: 1 })).toBe('{"b":1}');
    expect(codec.encode(Object.assign(Object.create(null) as object, { a: 1 }))).toBe('{"a":1}');
    expect(codec.decode(codec.encode(JSON.parse('{"__proto__":{"a":1}}')))).toEqual(
      JSON.parse('{"__proto__":{"a":1}}'),
    );
  });

  test("keeps apart no value and null, in a text that is JSON", () => {
    expect(codec.decode(codec.encode(undefined))).toBeUndefined();
    expect(codec.decode(codec.encode(null))).toBeNull();
    expect(JSON.parse(codec.encode(undefined))).toBeNull();
  });

  test("a text that is not JSON is a decode error with its cause, without the text itself", () => {
    expect(() => codec.decode('{"secret":')).toThrow(DecodeError);
    expect(() => codec.decode('{"secret":')).toThrow("not JSON (10 characters)");
    expect(() => codec.decode("")).toThrow(DecodeError);
  });
});

describe("canonical JSON", () => {
  test("is one text however the fields were ordered", () => {
    expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: undefined, "10": 1, "9": 2 })).toBe(
      '{"10":1,"9":2,"b":[1,{"c":"x","d":null}]}',
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const reversed = Object.fromEntries(Object.entries(fields).toReversed());
        expect(canonicalJson(reversed)).toBe(canonicalJson(fields));
        expect(JSON.parse(canonicalJson(fields))).toEqual(JSON.parse(JSON.stringify(fields)));
      }),
    );
  });

  test("writes the same value as the codec when read back, and refuses the same", () => {
    expect(canonicalJson([1e21, -0, "\u2028", 0.1])).toBe('[1e+21,0,"\u2028",0.1]');
    expect(() => canonicalJson({ a: 1n })).toThrow(EncodeError);
    expect(() => canonicalJson(undefined)).toThrow(EncodeError);
  });
});

function positiveZeros(value: unknown): unknown {
  if (value === 0) return 0;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(positiveZeros);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, positiveZeros(field)]));
}
