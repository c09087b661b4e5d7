import assert from "node:assert/strict";
import { concurrency, type LimiterStore, slidingLog, tokenBucket } from "../mod.ts";
import { ask, giveBack, take, takeCall, targetsOf } from "./calls.ts";
import type { StoreRule } from "./rule.ts";

/** What several stores on the same data promise one another. */
export const sharingRules: readonly StoreRule[] = [
  {
    name: "several stores on the same data hold one limit between them",
    async run({ store, fixture }) {
      const stores: LimiterStore[] = [store];
      if (fixture.openAnother !== undefined) stores.push(await fixture.openAnother(), await fixture.openAnother());
      const rules = [tokenBucket({ limit: 50, windowMs: 60_000 }), slidingLog({ limit: 40, windowMs: 60_000 })];
      const takes = stores.flatMap((each, place) =>
        Array.from({ length: 30 }, (_, index) => take(each, rules, { id: `${place} ${index}` })),
      );
      const granted = (await Promise.all(takes)).filter(({ kind }) => kind === "granted").length;
      assert.equal(granted, Math.min(40, stores.length * 30));
    },
  },
  {
    name: "what one store took, another renews and gives back",
    async run({ store, fixture }) {
      const other = fixture.openAnother === undefined ? store : await fixture.openAnother();
      const rule = concurrency({ limit: 1, leaseMs: 60_000 });
      const { standings } = await take(store, [rule], { id: "a" });
      assert.equal((await ask(other, { op: "renew", targets: targetsOf([rule]), id: "a" })).kind, "granted");
      await giveBack(other, [rule], { standings });
      assert.equal((await take(store, [rule], { id: "b" })).kind, "granted");
    },
  },
  {
    name: "a batch has a verdict for each call, an empty one none",
    async run({ store }) {
      assert.deepEqual(await store.decide([]), []);
      const rule = tokenBucket({ limit: 1_000, windowMs: 1_000 });
      const calls = Array.from({ length: 500 }, (_, index) => takeCall([rule], { key: `key ${index % 7}` }));
      assert.equal((await store.decide(calls)).length, 500);
    },
  },
];
