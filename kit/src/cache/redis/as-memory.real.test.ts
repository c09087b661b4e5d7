import { beforeEach, expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { openRedis } from "../../drivers/redis/mod.ts";
import { dropKeys, freshPrefix, needsServer, serverUrl } from "../../drivers/redis/server.test-redis.ts";
import { type Random, seededRandom } from "../../random/mod.ts";
import { memoryTier } from "../memory/mod.ts";
import type { FillToken, Invalidation, LeaseRequest, SharedEntry, SharedRead, SharedTier, Target } from "../mod.ts";
import { redisTier } from "./mod.ts";

beforeEach(needsServer);

const keys = ["a", "b", "c", "d"];
const tags = ["t", "u", "v"];

/** The same tokens of two tiers, each in its own words. */
interface Pair {
  readonly key: string;
  readonly tokens: readonly (FillToken | undefined)[];
}

/** What is read, but for the words of the token. */
const shown = (read: SharedRead): unknown =>
  read.kind === "loading" ? read : { ...read, token: read.token === undefined ? "none" : "one" };

function randomEntry(random: Random, step: number): SharedEntry {
  const freshMs = random.pick([0, 20, 50, 1_000]);
  return {
    body: random.next() < 0.1 ? undefined : `${step}`,
    freshMs,
    keptMs: freshMs + random.pick([1, 30, 500]),
    tags: tags.filter(() => random.next() < 0.4),
    version: random.next() < 0.5 ? undefined : random.integer(1, 5),
  };
}

function randomInvalidation(random: Random): Invalidation {
  const target = random.pick<Target>([
    { keys: [random.pick(keys)] },
    { tags: [random.pick(tags)] },
    { all: "entries" },
  ]);
  const olderThan = "keys" in target && random.next() < 0.4 ? random.integer(1, 5) : undefined;
  return { target, mode: random.pick(["hard", "soft"]), olderThan };
}

/** One random step of two tiers, which must answer alike. */
async function step(
  tiers: readonly SharedTier[],
  held: Pair[],
  at: { readonly random: Random; readonly step: number },
) {
  const { random } = at;
  const both = <T>(ask: (tier: SharedTier, place: number) => Promise<T>): Promise<T[]> => Promise.all(tiers.map(ask));
  const same = (answers: readonly unknown[]): void => expect(answers[1]).toEqual(answers[0]);
  const chance = random.next();
  if (chance < 0.4) {
    const asked = random.shuffle(keys).slice(0, random.integer(1, 3));
    const lease: LeaseRequest = { forMs: random.pick([10, 60, 900]), of: random.pick(["missing-or-stale", "any"]) };
    const reads = await both((tier) => (chance < 0.1 ? tier.read(asked) : tier.read(asked, lease)));
    same(reads.map((each) => each.map(shown)));
    for (const [place, key] of asked.entries()) {
      const tokens = reads
        .map((each) => each[place])
        .map((read) => (read?.kind === "loading" ? undefined : read?.token));
      if (tokens[0] !== undefined) held.push({ key, tokens });
    }
  } else if (chance < 0.65 && held.length > 0) {
    const [pair] = held.splice(random.integer(0, held.length - 1), 1);
    const entry = randomEntry(random, at.step);
    const key = random.next() < 0.05 ? random.pick(keys) : (pair?.key ?? "");
    const tokenOf = (place: number): FillToken => pair?.tokens[place] ?? "";
    if (random.next() < 0.2) await both((tier, place) => tier.abandon(key, tokenOf(place)));
    else same(await both((tier, place) => tier.fill(key, tokenOf(place), entry)));
    if (random.next() < 0.1 && pair !== undefined) held.push(pair);
  } else if (chance < 0.8) {
    const [key, entry] = [random.pick(keys), randomEntry(random, at.step)];
    same(await both((tier) => tier.write(key, entry)));
  } else {
    const invalidation = randomInvalidation(random);
    await both((tier) => tier.invalidate(invalidation));
  }
}

for (let seed = 1; seed <= 30; seed++)
  test(`the random history of seed ${seed} is answered as by the tier in memory`, async () => {
    const clock = manualClock();
    const random = seededRandom(seed);
    await using database = await openRedis({ url: serverUrl });
    const prefix = freshPrefix();
    const tiers = [memoryTier({ clock }), redisTier(database, { prefix, clock })];
    const held: Pair[] = [];
    try {
      for (let at = 1; at <= 120; at++) {
        if (random.next() < 0.5) await clock.advance(random.pick([1, 5, 20, 100]));
        await step(tiers, held, { random, step: at });
      }
      const [inMemory, onRedis] = await Promise.all(tiers.map((tier) => tier.read(keys)));
      expect(onRedis).toEqual(inMemory);
    } finally {
      await dropKeys(database, prefix);
    }
  });
