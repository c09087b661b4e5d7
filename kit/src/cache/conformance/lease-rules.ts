import assert from "node:assert/strict";
import type { SharedTier } from "../mod.ts";
import { entryOf, lease, type Rule } from "./rule.ts";

async function tokenFor(tier: SharedTier, key: string): Promise<string> {
  const [read] = await tier.read([key], lease);
  assert(read !== undefined && read.kind !== "loading" && read.token !== undefined, `a token for ${key}`);
  return read.token;
}

async function bodyOf(tier: SharedTier, key: string): Promise<string | undefined> {
  const [read] = await tier.read([key]);
  return read?.kind === "found" ? read.entry.body : `(${read?.kind})`;
}

/** Who may fill. */
export const leaseRules: readonly Rule[] = [
  {
    name: "of 32 who ask for a missing key one gets the token; the others hear that it is loading, and when to ask again",
    run: async ({ tier }) => {
      const reads = (await Promise.all(Array.from({ length: 32 }, () => tier.read(["a"], lease)))).flat();
      assert.equal(reads.filter((read) => read.kind === "missing" && read.token !== undefined).length, 1);
      const others = reads.filter((read) => read.kind === "loading");
      assert.equal(others.length, 31);
      for (const { retryAfterMs } of others) assert(retryAfterMs >= 1 && retryAfterMs <= lease.forMs);
    },
  },
  {
    name: "a fill under its token is found by all, and the token is used up",
    run: async ({ tier }) => {
      const token = await tokenFor(tier, "a");
      assert.equal(await tier.fill("a", token, entryOf("x")), "stored");
      assert.equal(await bodyOf(tier, "a"), "x");
      assert.equal(await tier.fill("a", token, entryOf("y")), "refused");
      assert.equal(await bodyOf(tier, "a"), "x");
    },
  },
  {
    name: "a token is good for its key only",
    run: async ({ tier }) => {
      const token = await tokenFor(tier, "a");
      assert.equal(await tier.fill("b", token, entryOf("x")), "refused");
    },
  },
  {
    name: "of those who ask for a stale entry one gets the token, and all get the entry; who asks without a lease gets none",
    run: async ({ tier, pass }) => {
      await tier.write("a", entryOf("x"));
      await pass(1_200);
      const reads = [
        ...(await tier.read(["a"])),
        ...(await tier.read(["a"], lease)),
        ...(await tier.read(["a"], lease)),
      ];
      assert.deepEqual(
        reads.map((read) => read.kind === "found" && [read.entry.body, read.token !== undefined]),
        [
          ["x", false],
          ["x", true],
          ["x", false],
        ],
      );
    },
  },
  {
    name: "a fresh entry brings a token only to who asks for any",
    run: async ({ tier }) => {
      await tier.write("a", entryOf("x"));
      const [plain] = await tier.read(["a"], lease);
      assert(plain?.kind === "found" && plain.token === undefined);
      const [any] = await tier.read(["a"], { ...lease, of: "any" });
      assert(any?.kind === "found" && any.token !== undefined);
      assert.equal(await tier.fill("a", any.token, entryOf("y")), "stored");
      assert.equal(await bodyOf(tier, "a"), "y");
    },
  },
  {
    name: "a token that was given back is good for nothing, and the next who asks gets another",
    run: async ({ tier }) => {
      const token = await tokenFor(tier, "a");
      await tier.abandon("a", token);
      await tier.abandon("a", "no such token");
      const next = await tokenFor(tier, "a");
      assert.notEqual(next, token);
      assert.equal(await tier.fill("a", token, entryOf("late")), "refused");
      assert.equal(await tier.fill("a", next, entryOf("x")), "stored");
    },
  },
  {
    name: "a token that has run out is refused, and another may load",
    run: async ({ tier, pass }) => {
      const [first] = await tier.read(["a"], { ...lease, forMs: 200 });
      assert(first?.kind === "missing" && first.token !== undefined);
      await pass(300);
      const second = await tokenFor(tier, "a");
      assert.equal(await tier.fill("a", first.token, entryOf("late")), "refused");
      assert.equal(await tier.fill("a", second, entryOf("x")), "stored");
    },
  },
  {
    name: "a write cancels the token: the load that began before it is refused",
    run: async ({ tier }) => {
      const token = await tokenFor(tier, "a");
      await tier.write("a", entryOf("new"));
      assert.equal(await tier.fill("a", token, entryOf("old")), "refused");
      assert.equal(await bodyOf(tier, "a"), "new");
    },
  },
  {
    name: "each key of a read gets its own token",
    run: async ({ tier }) => {
      await tier.write("b", entryOf("x"));
      const reads = await tier.read(["a", "b", "c"], lease);
      assert.deepEqual(
        reads.map((read) => [read.kind, read.kind !== "loading" && read.token !== undefined]),
        [
          ["missing", true],
          ["found", false],
          ["missing", true],
        ],
      );
    },
  },
];
