import { telemetryChannel } from "../telemetry/mod.ts";
import type { Ask } from "./algorithm.ts";
import { checkedCost, checkedKey, planOf, type TakeSettings, weightOf } from "./ask-of.ts";
import type { Decision, NowDecision } from "./decision.ts";
import { DirectStore } from "./guarded-store.ts";
import { askOf } from "./judge.ts";
import { LaterFastGrant, laterOf } from "./later.ts";
import type { NowLimiter, TakeOptions } from "./limiter-calls.ts";
import { type Desk, FastGrant, NowGrant, NowRefusal } from "./now-grant.ts";
import type { Plan } from "./plan.ts";
import type { Rule } from "./rule.ts";
import type { NowStore, Shelf } from "./store.ts";
import { StoreTakes } from "./store-takes.ts";

/** The way of a plan with one rule that keeps numbers: no lists, and one object an answer. */
interface Lane extends Desk {
  readonly shelf: Shelf;
  readonly rule: Rule;
  readonly isShared: boolean;
}

const one: Ask = { cost: 1, weight: 1, id: "" };
const refusals = telemetryChannel("ashlar.limiter.refused");

/** A limiter whose store answers in the caller's turn. */
export class NowTakes implements NowLimiter<string> {
  readonly name: string;
  readonly #settings: TakeSettings;
  readonly #store: NowStore;
  readonly #waiting: StoreTakes;
  readonly #lanes = new Map<Plan, Lane>();
  readonly #plainLane: Lane | undefined;

  constructor(store: NowStore, settings: TakeSettings) {
    this.name = settings.name;
    this.#settings = settings;
    this.#store = store;
    this.#waiting = new StoreTakes(new DirectStore(store), settings);
    for (const plan of settings.plans.values()) {
      const [placed] = plan.rules;
      if (placed === undefined || plan.rules.length > 1 || plan.keepsEntries || placed.rule.kind === "leaky-bucket")
        continue;
      const { rule } = placed;
      this.#lanes.set(plan, { store, plan, shelf: store.shelf(placed), rule, isShared: rule.per === "everyone" });
    }
    const plain = settings.plans.get(undefined);
    this.#plainLane = plain === undefined ? undefined : this.#lanes.get(plain);
  }

  // Not an async function, whose frame would cost as much as a third of the decision.
  take(key: string, options?: TakeOptions<string>): Promise<Decision> {
    try {
      const lane = this.#plainLane;
      const factor = this.#settings.factor();
      if (options === undefined && lane !== undefined && !(factor < 1)) return this.#takeLater(lane, key);
      return Promise.resolve(laterOf(this.#takeBy(key, options, factor)));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  peek(key: string, options?: TakeOptions<string>): Promise<Decision> {
    return this.#waiting.peek(key, options);
  }

  takeNow(key: string, options?: TakeOptions<string>): NowDecision {
    const lane = this.#plainLane;
    const factor = this.#settings.factor();
    const isPlain = options === undefined && lane !== undefined && !(factor < 1);
    return isPlain ? this.#takeFast(lane, key, one) : this.#takeBy(key, options, factor);
  }

  #takeBy(key: string, options: TakeOptions<string> | undefined, factor: number): NowDecision {
    const plan = planOf(this.#settings.plans, options?.tier);
    const cost = checkedCost(options?.cost ?? 1);
    const weight = weightOf(cost, factor);
    const lane = this.#lanes.get(plan);
    if (lane !== undefined) return this.#takeFast(lane, key, askOf(lane.rule, { cost, weight, id: "" }));
    return this.#take(plan, key, { cost, weight, id: plan.keepsEntries ? this.#settings.nextId() : "" });
  }

  #takeFast(lane: Lane, key: string, ask: Ask): NowDecision {
    const { shelf } = lane;
    const atUs = this.#store.nowUs();
    const waitUs = shelf.take(lane.isShared ? "" : checkedKey(key), atUs, ask);
    if (waitUs !== 0) return this.#refusal(lane, key, { name: lane.rule.name, waitUs });
    const grant = new FastGrant(lane, key, atUs);
    grant.weight = ask.weight;
    grant.level = shelf.level;
    grant.shift = shelf.shift;
    return grant;
  }

  /** `#takeFast` of one permit for callers who wait. */
  #takeLater(lane: Lane, key: string): Promise<Decision> {
    const { shelf } = lane;
    const atUs = this.#store.nowUs();
    const waitUs = shelf.take(lane.isShared ? "" : checkedKey(key), atUs, one);
    if (waitUs !== 0) return Promise.resolve(laterOf(this.#refusal(lane, key, { name: lane.rule.name, waitUs })));
    const grant = new LaterFastGrant(lane, key, atUs);
    // Written to before it is resolved with, which tells V8 its shape: else each promise looks for a `then` in three objects, 18 ns.
    grant.level = shelf.level;
    grant.shift = shelf.shift;
    return Promise.resolve(grant);
  }

  #take(plan: Plan, key: string, ask: Ask): NowDecision {
    const desk: Desk = { store: this.#store, plan };
    const { kind, standings } = this.#store.decideNow({ op: "take", targets: plan.targets(checkedKey(key)), ...ask });
    if (kind === "refused") return this.#refusal(desk, key, plan.longest(standings));
    return new NowGrant(desk, key, { receipts: standings, delayMs: plan.delayMs(standings) });
  }

  #refusal(desk: Desk, key: string, why: { readonly name: string; readonly waitUs: number }): NowRefusal {
    const refusal = new NowRefusal(desk, key, why);
    if (refusals.active) {
      const { reason, limitedBy: rule, retryAfterMs } = refusal;
      refusals.publish({ limiter: this.name, key, rule, reason, retryAfterMs });
    }
    return refusal;
  }
}
