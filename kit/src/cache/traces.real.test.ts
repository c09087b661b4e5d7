import { describe, expect, test } from "vitest";
import { boundedMap } from "./bounded-map.ts";
import { optimumHits } from "./optimum.test-oracle.ts";
import type { PolicyName } from "./policy.ts";
import { expectedRows, expectedSized, hitsOf, sizedTrace, traceOf, tracesMissing } from "./traces.test-data.ts";

// The reference numbers are those of independent programs; see the README of the traces.
const rows = tracesMissing === undefined ? expectedRows() : [];
const traces = new Map<string, Int32Array<ArrayBuffer>>();
const trace = (name: string): Int32Array<ArrayBuffer> => {
  const known = traces.get(name) ?? traceOf(name);
  traces.set(name, known);
  return known;
};
const ratioOf = (row: (typeof rows)[number], policy: PolicyName): number =>
  hitsOf(boundedMap({ entries: row.capacity, policy }), trace(row.trace)) / row.requests;

describe.skipIf(tracesMissing !== undefined)(`real traces (${tracesMissing ?? `${rows.length} rows`})`, () => {
  test.each([
    ["lru", "misses_LRU"],
    ["fifo", "misses_FIFO"],
  ] as const)("%s misses exactly as often as the reference", (policy, column) => {
    for (const row of rows) {
      const misses = row.requests - hitsOf(boundedMap({ entries: row.capacity, policy }), trace(row.trace));
      expect(misses, `${row.trace} ${row.capacity}`).toBe(row.of[column]);
    }
  });

  test("the optimum of the bench misses exactly as often as the reference", () => {
    for (const row of rows)
      expect(row.requests - optimumHits(trace(row.trace), row.capacity), `${row.trace} ${row.capacity}`).toBe(
        row.of["misses_MIN"],
      );
  });

  test("lfu hits as often as the reference, to its last printed digit", () => {
    for (const row of rows)
      expect(Math.abs(ratioOf(row, "lfu") - (row.of["ref_hit_lfu"] ?? 0)), `${row.trace} ${row.capacity}`).toBeLessThan(
        0.0001,
      );
  });

  test("s3-fifo hits as often as the reference, within 1.5 points", () => {
    for (const row of rows) {
      const reference = row.of["ref_hit_s3fifo"] ?? 0;
      expect(Math.abs(ratioOf(row, "s3-fifo") - reference), `${row.trace} ${row.capacity}`).toBeLessThan(0.015);
    }
  });

  test("w-tiny-lfu, which adapts its window, is nowhere more than 2 points below the reference, whose window is fixed", () => {
    for (const row of rows) {
      const reference = row.of["ref_hit_wtinyLFU"] ?? 0;
      expect(ratioOf(row, "w-tiny-lfu"), `${row.trace} ${row.capacity}`).toBeGreaterThan(reference - 0.02);
    }
  });

  test("by bytes lru hits exactly as often as the reference, in requests and in bytes", () => {
    const requests = sizedTrace();
    for (const row of expectedSized()) {
      const bytes = Number(row["capacity_bytes"]);
      const map = boundedMap<string, number>({ bytes, policy: "lru", sizeOf: (size) => size });
      let hits = 0;
      let byteHits = 0;
      for (const { key, size } of requests) {
        if (map.get(key) === undefined) map.set(key, size);
        else {
          hits++;
          byteHits += size;
        }
      }
      expect([hits, byteHits]).toEqual([Number(row["hits"]), Number(row["byte_hits"])]);
    }
  });
});
