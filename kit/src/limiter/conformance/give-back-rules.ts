import assert from "node:assert/strict";
import { concurrency, fixedWindow, type Rule, slidingLog, slidingWindow, tokenBucket } from "../mod.ts";
import { ask, giveBack, passes, take, targetsOf, toNextWindow } from "./calls.ts";
import type { StoreRule } from "./rule.ts";

const minuteMs = 60_000;
const rules: readonly Rule[] = [
  tokenBucket({ limit: 3, windowMs: minuteMs }),
  fixedWindow({ limit: 3, windowMs: minuteMs }),
  slidingWindow({ limit: 3, windowMs: minuteMs }),
  slidingLog({ limit: 3, windowMs: minuteMs }),
  concurrency({ limit: 3, leaseMs: minuteMs, counts: "cost" }),
];

/** What giving back and leases promise. */
export const giveBackRules: readonly StoreRule[] = [
  {
    name: "what is given back at once can be taken again",
    async run({ store }) {
      for (const rule of rules) {
        const { standings } = await take(store, [rule], { cost: 2, id: "a" });
        await giveBack(store, [rule], { standings });
        assert.equal((await take(store, [rule], { cost: 3, id: "b" })).kind, "granted", rule.kind);
      }
    },
  },
  {
    name: "giving back never grants beyond the burst",
    async run({ store, clock }) {
      await clock.advance(toNextWindow(clock, minuteMs));
      for (const rule of rules) {
        const { standings } = await take(store, [rule], { cost: 2, id: "a" });
        for (let repeat = 0; repeat < 3; repeat++) await giveBack(store, [rule], { standings });
        assert.equal(await passes(store, rule, 9), 3, rule.kind);
      }
    },
  },
  {
    name: "what has drained or slid out of its window before it is given back brings nothing",
    async run({ store, clock }) {
      const [bucket, ...windows] = rules.filter(({ kind }) => kind !== "concurrency");
      const early = new Map<Rule, Awaited<ReturnType<typeof take>>>();
      for (const rule of rules) early.set(rule, await take(store, [rule], { cost: 3, id: "early" }));
      await clock.advance(2 * minuteMs);
      for (const rule of [bucket, ...windows]) {
        if (rule === undefined) continue;
        assert.equal(await passes(store, rule, 3), 3, rule.kind);
        await giveBack(store, [rule], { standings: early.get(rule)?.standings ?? [] });
        assert.equal(await passes(store, rule, 1), 0, rule.kind);
      }
    },
  },
  {
    name: "takes that are given back from the last to the first, or from the first to the last, leave nothing",
    async run({ store }) {
      for (const order of ["first", "last"] as const) {
        const rule = tokenBucket({ name: order, limit: 5, windowMs: minuteMs });
        const held = [];
        for (let call = 0; call < 5; call++) held.push(await take(store, [rule]));
        const ordered = order === "first" ? held : held.toReversed();
        for (const { standings } of ordered) await giveBack(store, [rule], { standings });
        assert.equal(await passes(store, rule, 9), 5, order);
      }
    },
  },
  {
    name: "giving back under a key that nobody used changes nothing",
    async run({ store }) {
      for (const rule of rules) {
        const { standings } = await take(store, [rule], { id: "a" });
        await giveBack(store, [rule], { standings, key: "nobody" });
        const peeked = await take(store, [rule], { key: "nobody", op: "peek" });
        assert.equal(peeked.standings[0]?.remaining, 3, rule.kind);
      }
    },
  },
  {
    name: "a lease ends by itself when its holder has died, and not before",
    async run({ store, clock }) {
      const rule = concurrency({ limit: 1, leaseMs: 100 });
      await take(store, [rule], { id: "a" });
      await clock.advance(99);
      assert.equal((await take(store, [rule], { id: "b" })).kind, "refused");
      await clock.advance(1);
      assert.equal((await take(store, [rule], { id: "b" })).kind, "granted");
    },
  },
  {
    name: "a lease that is renewed lasts, and one that has ended cannot be renewed",
    async run({ store, clock }) {
      const rule = concurrency({ limit: 1, leaseMs: 100 });
      const renew = async (id: string): Promise<string> =>
        (await ask(store, { op: "renew", targets: targetsOf([rule]), id })).kind;
      await take(store, [rule], { id: "a" });
      for (let beat = 0; beat < 3; beat++) {
        await clock.advance(60);
        assert.equal(await renew("a"), "granted");
      }
      assert.equal((await take(store, [rule], { id: "b" })).kind, "refused");
      await clock.advance(100);
      assert.equal(await renew("a"), "refused");
      assert.equal((await take(store, [rule], { id: "b" })).kind, "granted");
      assert.equal(await renew("a"), "refused");
    },
  },
  {
    name: "the late end of a lease that ran out does not free the place of its successor",
    async run({ store, clock }) {
      const rule = concurrency({ limit: 1, leaseMs: 100 });
      const { standings } = await take(store, [rule], { id: "a" });
      await clock.advance(100);
      await take(store, [rule], { id: "b" });
      await giveBack(store, [rule], { standings });
      assert.equal((await take(store, [rule], { id: "c" })).kind, "refused");
    },
  },
];
