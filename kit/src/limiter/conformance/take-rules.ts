import assert from "node:assert/strict";
import { concurrency, fixedWindow, leakyBucket, type Rule, slidingLog, slidingWindow, tokenBucket } from "../mod.ts";
import { ask, giveBack, passes, take, takeCall, toNextWindow } from "./calls.ts";
import type { StoreRule } from "./rule.ts";

const secondMs = 1_000;
const everyKind: readonly Rule[] = [
  tokenBucket({ limit: 3, windowMs: secondMs }),
  leakyBucket({ limit: 3, windowMs: secondMs, queueMax: 2 }),
  fixedWindow({ limit: 3, windowMs: secondMs }),
  slidingWindow({ limit: 3, windowMs: secondMs }),
  slidingLog({ limit: 3, windowMs: secondMs }),
  concurrency({ limit: 3, leaseMs: secondMs, counts: "cost" }),
];

/** What a take promises. */
export const takeRules: readonly StoreRule[] = [
  {
    name: "every algorithm lets its limit pass at once and no more",
    async run({ store, clock }) {
      await clock.advance(toNextWindow(clock, secondMs));
      for (const rule of everyKind) assert.equal(await passes(store, rule, 10), 3, rule.kind);
    },
  },
  {
    name: "calls of a batch are decided in their order, also those of one key",
    async run({ store }) {
      const rule = tokenBucket({ limit: 3, windowMs: secondMs });
      const costs = [2, 2, 1, 1];
      const verdicts = await store.decide(costs.map((cost) => takeCall([rule], { cost })));
      assert.deepEqual(
        verdicts.map(({ kind }) => kind),
        ["granted", "refused", "granted", "refused"],
      );
    },
  },
  {
    name: "a refused call costs nothing, whatever it asked for",
    async run({ store }) {
      const rule = fixedWindow({ limit: 10, windowMs: 86_400_000 });
      await take(store, [rule], { cost: 8 });
      assert.equal((await take(store, [rule], { cost: 5 })).kind, "refused");
      assert.equal((await take(store, [rule], { cost: 2 })).kind, "granted");
    },
  },
  {
    name: "of several rules all are taken or none, and the one that refuses is told apart",
    async run({ store }) {
      const wide = tokenBucket({ name: "wide", limit: 10, windowMs: secondMs });
      const narrow = slidingLog({ name: "narrow", limit: 1, windowMs: 60_000 });
      await take(store, [wide, narrow], { id: "a" });
      const refused = await take(store, [wide, narrow], { id: "b" });
      assert.equal(refused.kind, "refused");
      assert.deepEqual(
        refused.standings.map(({ waitUs }) => waitUs),
        [0, 60_000_000],
      );
      assert.equal((await take(store, [wide], { cost: 9 })).kind, "granted");
    },
  },
  {
    name: "keys do not know each other, and everyone shares a rule for everyone",
    async run({ store }) {
      const own = tokenBucket({ name: "own", limit: 2, windowMs: secondMs });
      const shared = tokenBucket({ name: "shared", limit: 3, windowMs: secondMs, per: "everyone" });
      const kinds = [];
      for (const key of ["ada", "bob", "ada", "bob"]) kinds.push((await take(store, [own, shared], { key })).kind);
      assert.deepEqual(kinds, ["granted", "granted", "granted", "refused"]);
    },
  },
  {
    name: "a peek takes nothing and answers as a take would",
    async run({ store }) {
      for (const rule of everyKind) {
        assert.equal((await take(store, [rule], { op: "peek" })).kind, "granted", rule.kind);
        assert.equal((await take(store, [rule], { op: "peek", cost: 4 })).standings[0]?.waitUs, Infinity, rule.kind);
        assert.equal((await take(store, [rule], { cost: 3, id: rule.kind })).kind, "granted", rule.kind);
      }
    },
  },
  {
    name: "a rule that counts calls takes one permit of a call, whatever it costs",
    async run({ store }) {
      const calls = tokenBucket({ name: "calls", limit: 2, windowMs: secondMs, counts: "calls" });
      const tokens = tokenBucket({ name: "tokens", limit: 500, windowMs: secondMs });
      const first = await take(store, [calls, tokens], { cost: 400 });
      assert.deepEqual(
        first.standings.map(({ remaining }) => remaining),
        [1, 100],
      );
      await giveBack(store, [calls, tokens], first);
      const peeked = await take(store, [calls, tokens], { cost: 500, op: "peek" });
      assert.deepEqual(
        peeked.standings.map(({ remaining }) => remaining),
        [2, 500],
      );
    },
  },
  {
    name: "what costs more than ever fits is refused for ever",
    async run({ store }) {
      for (const rule of everyKind)
        assert.equal((await take(store, [rule], { cost: 4 })).standings[0]?.waitUs, Infinity, rule.kind);
    },
  },
  {
    name: "a leaky bucket spaces the starts of what it lets pass",
    async run({ store, clock }) {
      const rule = leakyBucket({ limit: 10, windowMs: secondMs, queueMax: 3 });
      const delays = (await store.decide(Array.from({ length: 5 }, () => takeCall([rule])))).map(
        ({ standings }) => standings[0]?.delayUs,
      );
      assert.deepEqual(delays, [0, 100_000, 200_000, 300_000, 0]);
      await clock.advance(250);
      const peeked = await take(store, [rule], { op: "peek" });
      assert.deepEqual([peeked.kind, peeked.standings[0]?.delayUs], ["granted", 150_000]);
    },
  },
  {
    name: "a window of thirty days does not overflow",
    async run({ store, clock }) {
      const day = 86_400_000;
      const rule = slidingLog({ limit: 5, windowMs: 30 * day });
      const kinds = { granted: 0, refused: 0 };
      for (let call = 0; call < 20; call++) kinds[(await take(store, [rule], { id: String(call) })).kind]++;
      assert.deepEqual(kinds, { granted: 5, refused: 15 });
      await clock.advance(29 * day);
      assert.equal((await take(store, [rule], { id: "early" })).kind, "refused");
      await clock.advance(day);
      assert.equal((await take(store, [rule], { id: "due" })).kind, "granted");
    },
  },
  {
    name: "a rule of ten years and a billion permits keeps count to the permit",
    async run({ store }) {
      const rule = fixedWindow({ limit: 1e9, windowMs: 3_650 * 86_400_000 });
      await take(store, [rule], { cost: 1e9 - 1 });
      assert.equal(await passes(store, rule, 3), 1);
    },
  },
  {
    name: "time that steps back lets nothing more pass, and holds nothing up for longer than a second",
    async run({ store, clock }) {
      const rule = tokenBucket({ limit: 10, windowMs: secondMs });
      assert.equal(await passes(store, rule, 20), 10);
      clock.jump(-3_600_000);
      assert.equal(await passes(store, rule, 20), 0);
      await clock.advance(500);
      assert.equal(await passes(store, rule, 20), 5);
      clock.jump(-700);
      assert.equal(await passes(store, rule, 20), 0);
      await clock.advance(1_700);
      assert.equal(await passes(store, rule, 20), 10);
    },
  },
  {
    name: "a weight beyond the limit passes into debt, and is waited for afterwards",
    async run({ store, clock }) {
      const rule = tokenBucket({ limit: 1, windowMs: secondMs });
      const [heavy] = [takeCall([rule])].map((call) => ({ ...call, weight: 4 }));
      if (heavy === undefined) throw new Error("there is one call");
      assert.equal((await ask(store, heavy)).kind, "granted");
      assert.equal((await take(store, [rule])).standings[0]?.waitUs, 4_000_000);
      await clock.advance(4_000);
      assert.equal((await take(store, [rule])).kind, "granted");
    },
  },
];
