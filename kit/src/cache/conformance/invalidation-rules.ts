import assert from "node:assert/strict";
import type { Invalidation, SharedTier, Target } from "../mod.ts";
import { entryOf, lease, type Rule } from "./rule.ts";

const hard = (target: Target, olderThan?: number): Invalidation => ({ target, mode: "hard", olderThan });
const soft = (target: Target): Invalidation => ({ target, mode: "soft", olderThan: undefined });
const all: Target = { all: "entries" };

async function statesOf(tier: SharedTier, keys: readonly string[]): Promise<readonly string[]> {
  return (await tier.read(keys)).map((read) =>
    read.kind === "found" ? (read.entry.freshMs > 0 ? "fresh" : "stale") : "gone",
  );
}

async function three(tier: SharedTier): Promise<readonly string[]> {
  await tier.write("a", entryOf("x", { tags: ["t"] }));
  await tier.write("b", entryOf("y", { tags: ["t", "u"] }));
  await tier.write("c", entryOf("z"));
  return ["a", "b", "c"];
}

async function fillAfter(tier: SharedTier, invalidation: Invalidation): Promise<string> {
  const [read] = await tier.read(["k"], lease);
  assert(read?.kind === "missing" && read.token !== undefined);
  await tier.invalidate(invalidation);
  await tier.fill("k", read.token, entryOf("old", { tags: ["t"] }));
  return (await statesOf(tier, ["k"]))[0] ?? "";
}

/** What ends before its time. */
export const invalidationRules: readonly Rule[] = [
  {
    name: "hard: keys, tags and everything are gone, and nothing else is",
    run: async ({ tier }) => {
      const keys = await three(tier);
      await tier.invalidate(hard({ keys: ["a", "none"] }));
      assert.deepEqual(await statesOf(tier, keys), ["gone", "fresh", "fresh"]);
      await tier.invalidate(hard({ tags: ["u", "none"] }));
      assert.deepEqual(await statesOf(tier, keys), ["gone", "gone", "fresh"]);
      await tier.invalidate(hard(all));
      assert.deepEqual(await statesOf(tier, keys), ["gone", "gone", "gone"]);
    },
  },
  {
    name: "soft: keys, tags and everything are stale, and nothing else is",
    run: async ({ tier }) => {
      const keys = await three(tier);
      await tier.invalidate(soft({ keys: ["a"] }));
      assert.deepEqual(await statesOf(tier, keys), ["stale", "fresh", "fresh"]);
      await tier.invalidate(soft({ tags: ["u"] }));
      assert.deepEqual(await statesOf(tier, keys), ["stale", "stale", "fresh"]);
      await tier.invalidate(soft(all));
      assert.deepEqual(await statesOf(tier, keys), ["stale", "stale", "stale"]);
    },
  },
  {
    name: "what is written after an invalidation, in the same millisecond too, counts",
    run: async ({ tier }) => {
      await three(tier);
      for (const invalidation of [
        hard({ keys: ["a"] }),
        hard({ tags: ["t"] }),
        soft({ tags: ["t"] }),
        hard(all),
        soft(all),
      ]) {
        await tier.invalidate(invalidation);
        await tier.write("a", entryOf("new", { tags: ["t"] }));
        assert.deepEqual(await statesOf(tier, ["a"]), ["fresh"]);
      }
    },
  },
  {
    name: "what a load that began before brings is never shown as fresh: by key, by tag, by everything, hard or soft",
    run: async ({ tier }) => {
      for (const invalidation of [
        hard({ keys: ["k"] }),
        soft({ keys: ["k"] }),
        hard({ tags: ["t"] }),
        soft({ tags: ["t"] }),
        hard(all),
        soft(all),
      ]) {
        assert.notEqual(await fillAfter(tier, invalidation), "fresh", JSON.stringify(invalidation));
        await tier.invalidate(hard({ keys: ["k"] }));
      }
    },
  },
  {
    name: "a load that began after it is shown",
    run: async ({ tier }) => {
      await tier.invalidate(hard({ tags: ["t"] }));
      await tier.invalidate(hard(all));
      const [read] = await tier.read(["k"], lease);
      assert(read?.kind === "missing" && read.token !== undefined);
      assert.equal(await tier.fill("k", read.token, entryOf("x", { tags: ["t"] })), "stored");
      assert.deepEqual(await statesOf(tier, ["k"]), ["fresh"]);
    },
  },
  {
    name: "a key whose token was cancelled can be loaded by the next who asks, at once",
    run: async ({ tier }) => {
      for (const target of [{ keys: ["k"] }, all] as const) {
        await tier.read(["k"], lease);
        await tier.invalidate(hard(target));
        const [read] = await tier.read(["k"], lease);
        assert(read?.kind === "missing" && read.token !== undefined, JSON.stringify(target));
        await tier.abandon("k", read.token);
      }
    },
  },
  {
    name: "olderThan spares what has that version or a larger one",
    run: async ({ tier }) => {
      await tier.write("a", entryOf("x", { version: 3 }));
      await tier.write("b", entryOf("y"));
      await tier.invalidate(hard({ keys: ["a", "b"] }, 3));
      assert.deepEqual(await statesOf(tier, ["a", "b"]), ["fresh", "gone"]);
      await tier.invalidate(hard({ keys: ["a"] }, 4));
      assert.deepEqual(await statesOf(tier, ["a"]), ["gone"]);
    },
  },
];
