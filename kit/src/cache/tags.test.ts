import fc from "fast-check";
import { expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { cache } from "./cache.ts";
import { TagTable } from "./tag-table.ts";

const tags = ["red", "green", "blue"];
const operation = fc.record({
  kind: fc.constantFrom("set", "set", "hard", "soft", "key", "soft key", "all", "wait"),
  key: fc.constantFrom("a", "b", "c", "d"),
  tags: fc.subarray(tags),
  ms: fc.integer({ min: 0, max: 120 }),
});

interface ModelEntry {
  readonly tags: readonly string[];
  freshUntilMs: number;
  keptUntilMs: number;
}

const staleMs = 150;

function soften(entry: ModelEntry, nowMs: number): void {
  if (entry.freshUntilMs <= nowMs) return;
  entry.freshUntilMs = nowMs;
  entry.keptUntilMs = Math.min(entry.keptUntilMs, nowMs + staleMs);
}

test("lives, tags and invalidations give every key the state that a list of entries gives it", async () => {
  const property = fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
    const clock = manualClock();
    const options = { ttlMs: 200, staleMs, jitterRatio: 0, clock, random: seededRandom(1) };
    const values = cache<string>({ entries: 10, ...options });
    const model = new Map<string, ModelEntry>();
    for (const { kind, key, tags, ms } of operations) {
      const nowMs = clock.monotonic();
      const tagged = [...model].filter(([, entry]) => entry.tags.some((tag) => tags.includes(tag)));
      if (kind === "set") {
        await values.set(key, "x", { tags });
        model.set(key, { tags, freshUntilMs: nowMs + 200, keptUntilMs: nowMs + 200 + staleMs });
      } else if (kind === "hard") {
        await values.invalidate({ tags });
        for (const [tagged_] of tagged) model.delete(tagged_);
      } else if (kind === "soft") {
        await values.invalidate({ tags }, { mode: "soft" });
        for (const [, entry] of tagged) soften(entry, nowMs);
      } else if (kind === "key") {
        await values.invalidate({ keys: [key] });
        model.delete(key);
      } else if (kind === "soft key") {
        await values.invalidate({ keys: [key] }, { mode: "soft" });
        const entry = model.get(key);
        if (entry !== undefined) soften(entry, nowMs);
      } else if (kind === "all") {
        await values.invalidate({ all: "entries" }, { mode: "soft" });
        for (const entry of model.values()) soften(entry, nowMs);
      } else await clock.advance(ms);
      for (const name of ["a", "b", "c", "d"]) {
        const entry = model.get(name);
        const at = clock.monotonic();
        const state =
          entry === undefined || at >= entry.keptUntilMs ? "gone" : at >= entry.freshUntilMs ? "stale" : "fresh";
        // Peeking first and describing first must agree: what tags did is found out by whoever looks first.
        if (ms % 2 === 0) expect(values.peek(name) !== undefined).toBe(state === "fresh");
        if (ms % 3 === 0) expect(values.describe(name).state).toBe(state);
      }
    }
  });
  expect(await fc.check(property, { seed: 20_261_121, numRuns: 60 })).toMatchObject({
    failed: false,
    counterexample: null,
  });
});

test("the table forgets tags that nobody carries and nobody has invalidated", () => {
  const table = new TagTable();
  const cells = table.use(["a", "b", "a"]) ?? [];
  expect([cells.length, table.size]).toEqual([2, 2]);
  table.release(cells);
  expect([table.size, table.use([])]).toEqual([0, undefined]);
});

test("so many invalidations of tags that nobody carries are remembered singly; a load from before the rest brings no tags", () => {
  const table = new TagTable();
  const began = table.stamp;
  table.invalidate(["hit"], "hard", 0);
  expect([table.holds(["hit"], began), table.holds(["other"], began), table.holds(["hit"], table.stamp)]).toEqual([
    false,
    true,
    true,
  ]);
  for (let index = 0; index < 5_000; index++) table.invalidate([`tag ${index}`], "hard", 0);
  expect(table.size).toBeLessThanOrEqual(1_025);
  expect([table.holds(["hit"], began), table.holds(["other"], began), table.holds([], began)]).toEqual([
    false,
    false,
    true,
  ]);
  expect(table.holds(["hit"], table.stamp)).toBe(true);
});

test("a tag that entries carry is remembered however many others are invalidated", async () => {
  const values = cache<string>({ entries: 10, tagsOf: (value) => [value] });
  await values.set("a", "mine");
  for (let index = 0; index < 3_000; index++) await values.invalidate({ tags: [`tag ${index}`] });
  expect(values.peek("a")).toBe("mine");
  await values.invalidate({ tags: ["mine"] });
  expect(values.peek("a")).toBe(undefined);
  expect(values.report().tags).toBeLessThanOrEqual(1_025);
});

test("a load whose tag was invalidated meanwhile is not stored, also when the tag is forgotten by then", async () => {
  const values = cache<string>({ entries: 10, tagsOf: (value) => [value] });
  const slow = gate<string>();
  const read = values.get("a", () => slow.promise);
  await values.invalidate({ tags: ["mine"] });
  for (let index = 0; index < 2_000; index++) await values.invalidate({ tags: [`tag ${index}`] });
  slow.open("mine");
  expect([await read, values.peek("a"), values.report().refusedFills]).toEqual(["mine", undefined, 1]);
});
