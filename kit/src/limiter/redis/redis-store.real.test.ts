import { beforeEach, expect, test } from "vitest";
import { openRedis } from "../../drivers/redis/mod.ts";
import { dropKeys, freshPrefix, needsServer, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import { seededRandom } from "../../random/mod.ts";
import { exerciseStore } from "../conformance/mod.ts";
import { concurrency, fixedWindow, leakyBucket, type Rule, tokenBucket } from "../mod.ts";
import { placeRule } from "../rule.ts";
import type { LimiterStore, StoreCall, TakeCall, Target, Verdict } from "../store.ts";
import { redisStore } from "./mod.ts";

beforeEach(needsServer);

exerciseStore(
  "redis",
  async ({ clock }) => {
    const stack = new AsyncDisposableStack();
    const prefix = freshPrefix();
    const open = async () => redisStore(stack.use(await openRedis({ url: serverUrl })), { prefix, clock });
    const database = stack.use(await openRedis({ url: serverUrl }));
    stack.defer(() => dropKeys(database, prefix));
    return { store: redisStore(database, { prefix, clock }), openAnother: open, dispose: () => stack.disposeAsync() };
  },
  { test },
);

const target = (rule: Rule, key: string): Target => ({ placed: placeRule("api", rule), key });

async function withStores(
  work: (given: { readonly open: (name: string, clock: { now(): number }) => Opened }) => unknown,
): Promise<void> {
  await using database = await openRedis({ url: serverUrl });
  const prefix = freshPrefix();
  try {
    const open = (name: string, clock: { now(): number }): Opened => ({
      store: redisStore(database, { prefix: `${prefix}${name}|`, clock }),
      held: async () => {
        const [, found] = (await database.send([
          "SCAN",
          "0",
          "MATCH",
          `${prefix}${name}|*-bucket*`,
          "COUNT",
          "100000",
        ])) as [string, string[]];
        const names = found.toSorted();
        const states = await database.send(["MGET", `${prefix}${name}|time`, ...names], { replies: "bytes" });
        return { names: names.map((each) => each.slice(prefix.length + name.length)), states };
      },
    });
    await work({ open });
  } finally {
    await dropKeys(database, prefix);
  }
}

interface Opened {
  readonly store: LimiterStore;
  /** Names and states of the buckets, and the time. */
  held(): Promise<unknown>;
}

test("a batch of buckets alone, which has a script of its own, is decided and kept like one with other kinds in it", () =>
  withStores(async ({ open }) => {
    const random = seededRandom("two scripts");
    let timeMs = 1e12;
    const clock = { now: () => timeMs };
    const [alone, mixed] = [open("alone", clock), open("mixed", clock)];
    const rules = [
      tokenBucket({ name: "whole", limit: 7, burst: 20, windowMs: 1_000 }),
      tokenBucket({ name: "calls", limit: 5, windowMs: 700, counts: "calls" }),
      leakyBucket({ name: "leaky", limit: 9, windowMs: 1_000, queueMax: 30 }),
    ];
    const other: StoreCall = {
      op: "peek",
      targets: [target(fixedWindow({ limit: 1, windowMs: 1_000 }), "other")],
      cost: 1,
      weight: 1,
      id: "",
    };
    const takes = (): TakeCall[] => {
      const rule = rules[random.integer(0, rules.length - 1)] ?? tokenBucket({ limit: 1, windowMs: 1 });
      const [cost, factor] = [random.integer(1, 25), random.next() < 0.6 ? 1 : 0.3];
      const op = random.next() < 0.8 ? "take" : "peek";
      const targets = [target(rule, `key ${random.integer(1, 3)}`)];
      const call: TakeCall = { op, targets, cost, weight: cost / factor, id: "" };
      return Array.from({ length: random.integer(1, 6) }, () => call);
    };
    let granted = 0;
    for (let turn = 0; turn < 150; turn++) {
      timeMs += random.integer(0, 300);
      const calls: StoreCall[] = Array.from({ length: random.integer(1, 5) }, takes).flat();
      const [ones, twos] = await Promise.all([alone.store.decide(calls), mixed.store.decide([...calls, other])]);
      expect(ones).toEqual(twos.slice(0, -1));
      const given = ones.filter(({ kind }) => kind === "granted").length;
      granted += given;
      // Some are given back, so that buckets have gaps.
      const back = ones.flatMap((verdict, index): StoreCall[] => givenBack(calls[index], verdict));
      const some = back.filter(() => random.next() < 0.2);
      await Promise.all([alone.store.decide(some), mixed.store.decide(some)]);
      expect(await alone.held()).toEqual(await mixed.held());
    }
    expect(granted).toBeGreaterThan(150);
  }));

function givenBack(call: StoreCall | undefined, { kind, standings }: Verdict): StoreCall[] {
  if (call?.op !== "take" || kind === "refused") return [];
  return [{ op: "give-back", targets: call.targets, receipts: standings }];
}

test("ids may be any text", () =>
  withStores(async ({ open }) => {
    const { store } = open("ids", { now: () => 1e12 });
    const targets = [target(concurrency({ limit: 2, leaseMs: 1_000 }), "ada")];
    for (const id of [`"quoted"\\\n`, "half \ud800 a character"])
      expect((await store.decide([{ op: "take", targets, cost: 1, weight: 1, id }]))[0]?.kind).toBe("granted");
    for (const id of [`"quoted"\\\n`, "half \ud800 a character"])
      expect((await store.decide([{ op: "renew", targets, id }]))[0]?.kind).toBe("granted");
  }));
