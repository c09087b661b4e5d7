import assert from "node:assert/strict";
import { manualClock } from "../../clock/mod.ts";
import { type Random, seededRandom } from "../../random/mod.ts";
import {
  concurrency,
  fixedWindow,
  leakyBucket,
  type LimiterStore,
  type Rule,
  slidingLog,
  slidingWindow,
  type Standing,
  tokenBucket,
  type Verdict,
} from "../mod.ts";
import { ask, giveBack, takeCall, targetsOf } from "./calls.ts";
import { fits, remaining, type Take } from "./model.ts";
import type { OpenStore } from "./rule.ts";

interface Held {
  readonly key: string;
  readonly id: string;
  readonly standings: readonly Standing[];
}

const keys = ["ada", "bob"] as const;

/** One history of random calls on a store and on the model. */
class History {
  readonly #store: LimiterStore;
  readonly #rules: readonly Rule[];
  readonly #random: Random;
  readonly #takes = new Map<string, Take[]>();
  readonly #held: Held[] = [];
  #ids = 0;
  /** Bucket refunds may be smaller than the model's, so that from the first on it may be stricter. */
  #refunds: "none" | "some" = "none";

  constructor(store: LimiterStore, rules: readonly Rule[], random: Random) {
    this.#store = store;
    this.#rules = rules;
    this.#random = random;
  }

  async step(nowUs: bigint): Promise<void> {
    const choice = this.#random.integer(0, 9);
    if (choice === 0 && this.#held.length > 0) return await this.#giveBack(nowUs);
    if (choice === 1 && this.#held.length > 0) return await this.#renew(nowUs);
    const key = this.#random.pick(keys);
    const cost = this.#random.integer(1, 3);
    const op = choice === 2 ? "peek" : "take";
    const id = String(this.#ids++);
    const verdict = await ask(this.#store, takeCall(this.#rules, { key, cost, id, op }));
    this.#compare(verdict, { key, cost: BigInt(cost), nowUs });
    if (verdict.kind === "granted" && op === "take") {
      for (const rule of this.#rules) {
        const untilUs = nowUs + BigInt(rule.windowMs) * 1_000n;
        this.#of(rule, key).push({ id, atUs: nowUs, untilUs, weight: costOf(rule, BigInt(cost)) });
      }
      this.#held.push({ key, id, standings: verdict.standings });
    }
    this.#compareRemaining(verdict, key, nowUs);
  }

  #of(rule: Rule, key: string): Take[] {
    const name = `${rule.name} ${rule.per === "everyone" ? "" : key}`;
    const takes = this.#takes.get(name) ?? [];
    this.#takes.set(name, takes);
    return takes;
  }

  #isExact(rule: Rule): boolean {
    return this.#refunds === "none" || !rule.kind.endsWith("bucket");
  }

  #compare(verdict: Verdict, call: { readonly key: string; readonly cost: bigint; readonly nowUs: bigint }): void {
    const { key, nowUs } = call;
    assert.equal(
      verdict.kind === "granted",
      verdict.standings.every(({ waitUs }) => waitUs === 0),
    );
    for (const [index, rule] of this.#rules.entries()) {
      const takes = this.#of(rule, key);
      const waitUs = verdict.standings[index]?.waitUs ?? Number.NaN;
      const cost = costOf(rule, call.cost);
      const passes = fits(rule, takes, { atUs: nowUs, cost });
      if (waitUs === 0) assert(passes, `${rule.name} let ${cost} pass and may not`);
      if (!this.#isExact(rule)) continue;
      if (passes) assert.equal(waitUs, 0, `${rule.name} holds ${cost} up that may pass`);
      else this.#compareWait(rule, takes, { atUs: nowUs, cost, waitUs });
    }
  }

  /** Who waits as told passes, and a microsecond before he would not have. */
  #compareWait(
    rule: Rule,
    takes: readonly Take[],
    call: { readonly atUs: bigint; readonly cost: bigint; readonly waitUs: number },
  ): void {
    const { atUs, cost, waitUs } = call;
    if (cost > BigInt(rule.burst)) return assert.equal(waitUs, Infinity, `${rule.name}: what never fits is told so`);
    const thenUs = atUs + BigInt(waitUs);
    assert(fits(rule, takes, { atUs: thenUs, cost }), `${rule.name}: ${waitUs} us is too short a wait`);
    assert(!fits(rule, takes, { atUs: thenUs - 1n, cost }), `${rule.name}: ${waitUs} us is too long a wait`);
  }

  #compareRemaining(verdict: Verdict, key: string, nowUs: bigint): void {
    for (const [index, rule] of this.#rules.entries()) {
      const left = verdict.standings[index]?.remaining ?? Number.NaN;
      const expected = remaining(rule, this.#of(rule, key), nowUs);
      if (this.#isExact(rule)) assert.equal(left, expected, `${rule.name}: what remains`);
      else assert(left <= expected, `${rule.name}: ${left} remain where ${expected} may`);
    }
  }

  async #giveBack(nowUs: bigint): Promise<void> {
    const held = this.#held.splice(this.#random.integer(0, this.#held.length - 1), 1)[0];
    if (held === undefined) return;
    this.#refunds = "some";
    await giveBack(this.#store, this.#rules, held);
    for (const rule of this.#rules) {
      const takes = this.#of(rule, held.key);
      const index = takes.findIndex(({ id }) => id === held.id);
      const isAlive = rule.kind !== "concurrency" || (takes[index]?.untilUs ?? 0n) > nowUs;
      if (index >= 0 && isAlive) takes.splice(index, 1);
    }
  }

  async #renew(nowUs: bigint): Promise<void> {
    const held = this.#random.pick(this.#held);
    const { kind } = await ask(this.#store, { op: "renew", targets: targetsOf(this.#rules, held.key), id: held.id });
    for (const rule of this.#rules.filter(({ kind }) => kind === "concurrency")) {
      const takes = this.#of(rule, held.key);
      const index = takes.findIndex(({ id, untilUs }) => id === held.id && untilUs > nowUs);
      const lease = takes[index];
      assert.equal(kind === "granted", lease !== undefined, "a lease is renewed while it lasts");
      if (lease !== undefined) takes[index] = { ...lease, untilUs: nowUs + BigInt(rule.windowMs) * 1_000n };
    }
  }
}

function costOf({ counts }: Rule, cost: bigint): bigint {
  return counts === "cost" ? cost : 1n;
}

/** One to three rules, of which at most one is of each kind. */
function randomRules(random: Random): readonly Rule[] {
  const limit = (): number => random.integer(1, 7);
  const windowMs = (): number => random.pick([1, 7, 10, 60, 1_000]);
  const per = (): "key" | "everyone" => random.pick(["key", "key", "everyone"]);
  const counts = (): "cost" | "calls" => random.pick(["cost", "cost", "calls"]);
  const makers: (() => Rule)[] = [
    () => tokenBucket({ limit: limit(), windowMs: windowMs(), burst: limit(), per: per(), counts: counts() }),
    () => leakyBucket({ limit: limit(), windowMs: windowMs(), queueMax: limit(), per: per(), counts: counts() }),
    () => fixedWindow({ limit: limit(), windowMs: windowMs(), per: per(), counts: counts() }),
    () => slidingWindow({ limit: limit(), windowMs: windowMs(), per: per(), counts: counts() }),
    () => slidingLog({ limit: limit(), windowMs: windowMs(), per: per(), counts: counts() }),
    () => concurrency({ limit: limit(), leaseMs: windowMs(), per: per(), counts: counts() }),
  ];
  return random
    .shuffle(makers)
    .slice(0, random.integer(1, 3))
    .map((make) => make());
}

/** Compares a store with the model over random calls, by a seed. Rejects with what differed. */
export async function proveHistory(openStore: OpenStore, seed: number, steps: number): Promise<void> {
  const random = seededRandom(seed);
  const clock = manualClock();
  const fixture = await openStore({ clock });
  const rules = randomRules(random);
  const history = new History(fixture.store, rules, random);
  try {
    for (let step = 0; step < steps; step++) {
      if (random.integer(0, 2) > 0) await clock.advance(random.pick([0, 1, 1, 2, 5, 30, 400]));
      await history.step(BigInt(clock.now()) * 1_000n);
    }
  } catch (error) {
    const shown = rules.map(({ kind, limit, windowMs, burst }) => `${kind} ${limit}/${windowMs} ms, ${burst} at once`);
    throw new Error(`seed ${seed}, rules: ${shown.join("; ")}`, { cause: error });
  } finally {
    await fixture.dispose();
  }
}
