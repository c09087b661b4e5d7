import { numberIn } from "../errors/mod.ts";
import { placeRule, type PlacedRule } from "./rule.ts";
import type { NowStore, StoreCall, Target, Verdict } from "./store.ts";

/** Judges by a share of every rule, in this process. */
export class LocalShare {
  readonly #store: NowStore;
  readonly #share: number;
  /** One a rule of the limiter. */
  readonly #shared = new Map<PlacedRule, PlacedRule>();

  /** Throws ConfigError. */
  constructor(store: NowStore, share: number) {
    this.#store = store;
    this.#share = numberIn("storeDown.share", share, { min: 0.001, max: 1 });
  }

  decide(call: StoreCall): Verdict {
    const targets = call.targets.map(({ placed, key }): Target => ({ placed: this.#shareOf(placed), key }));
    return this.#store.decideNow({ ...call, targets });
  }

  #shareOf(placed: PlacedRule): PlacedRule {
    const known = this.#shared.get(placed);
    if (known !== undefined) return known;
    const { rule, space } = placed;
    const part = (whole: number): number => Math.max(1, Math.floor(whole * this.#share));
    const shared = placeRule(`${space}/share`, { ...rule, limit: part(rule.limit), burst: part(rule.burst) });
    this.#shared.set(placed, shared);
    return shared;
  }
}
