import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprint, hash32 } from "./mod.ts";

describe("a fingerprint", () => {
  test("is FNV-1a of 64 bits: the published vectors", () => {
    expect(["", "a", "foobar"].map(fingerprint)).toEqual(["cbf29ce484222325", "af63dc4c8601ec8c", "85944171f73967e8"]);
  });

  test("agrees with the definition in big integers on any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(fingerprint(text)).toBe(byDefinition(text));
      }),
    );
  });

  test("tells apart texts that differ in half a character", () => {
    expect(new Set(["\ud800", "\ud801", "\ufffd"].map(fingerprint)).size).toBe(3);
  });
});

describe("a 32-bit hash", () => {
  test("never changes between versions, for partitions are stored by it", () => {
    expect(["", "a", "order-1", "Grüße", "😀"].map(hash32)).toEqual([
      2_872_998_923, 444_641_715, 2_449_496_732, 243_007_994, 855_877_642,
    ]);
  });

  test("spreads keys evenly over any number of partitions, also keys of repeated characters", () => {
    for (const partitions of [2, 3, 8, 16]) {
      const counts = Array.from({ length: partitions }, () => 0);
      for (let key = 0; key < 4_000; key++) {
        const partition = hash32(`order-${key}-${key}`) % partitions;
        counts[partition] = (counts[partition] ?? 0) + 1;
      }
      const expected = 4_000 / partitions;
      for (const count of counts) expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
    const doubled = ["aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh"].map((key) => hash32(key) % 2);
    expect(new Set(doubled).size).toBe(2);
  });
});

function byDefinition(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}
