import type { Algorithm } from "./algorithm.ts";
import { bucketUnits } from "./bucket.ts";
import { Cells } from "./cells.ts";
import { algorithmOf } from "./judge.ts";
import { keepsEntries, type PlacedRule, type Rule } from "./rule.ts";
import { type Answer, ToldEntries } from "./told-entries.ts";

/** A rule as the server and the replay of its batches know it. */
export interface RulePlace {
  readonly placed: PlacedRule;
  /** What the server is told of it: kind, limit, window in microseconds, burst, drain, fill. */
  readonly figures: readonly number[];
  readonly algorithm: Algorithm;
  readonly keeps: "numbers" | "entries";
}

// Rules come from a program's text; only figures that change at run time make more of them.
const placesMax = 1_000;

/** The rules of a store whose server judges, worked out once, over cells that every batch fills anew. */
export class RulePlaces {
  /** What the keys of the batch in hand held, by slot. */
  readonly cells: Cells = new Cells(256);
  /** The answer to it. */
  answer: Answer = { next: () => 0 };
  readonly #places = new Map<string, RulePlace>();

  of(placed: PlacedRule): RulePlace {
    const known = this.#places.get(placed.space);
    if (known !== undefined) return known;
    if (this.#places.size >= placesMax) this.#places.clear();
    const made = this.#make(placed);
    this.#places.set(placed.space, made);
    return made;
  }

  #make(placed: PlacedRule): RulePlace {
    const { rule } = placed;
    const entries = keepsEntries(rule.kind);
    return {
      placed,
      figures: figuresOf(rule),
      algorithm: entries ? new ToldEntries(rule, () => this.answer) : algorithmOf(rule, this.cells, noEntries),
      keeps: entries ? "entries" : "numbers",
    };
  }
}

function figuresOf(rule: Rule): readonly number[] {
  const { limit, windowMs, burst } = rule;
  const { drain, fill } = bucketUnits(rule);
  return [kindOf(rule), limit, windowMs * 1_000, burst, drain, fill];
}

function kindOf({ kind }: Rule): number {
  switch (kind) {
    case "token-bucket":
    case "leaky-bucket":
      return 1;
    case "fixed-window":
      return 2;
    case "sliding-window":
      return 3;
    case "sliding-log":
    case "concurrency":
      return 4;
    default:
      throw new TypeError(`unknown rule ${kind satisfies never}`);
  }
}

/** For algorithms that keep numbers only. */
const noEntries = {
  total: () => 0,
  endOf: () => 0,
  add: () => undefined,
  remove: () => undefined,
  lastUntilUs: () => 0,
  clear: () => undefined,
};
