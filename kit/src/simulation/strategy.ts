import { ConfigError, integerIn } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import type { Strand } from "./event-source.ts";

/**
 * In which order events run that fall due at the same moment. `fifo`: as they were scheduled. `random`: shuffled by the seed. `pct`:
 * strands have priorities drawn from the seed, and `changes` times, at moments drawn from the first `eventsAbout` events, the strand that
 * runs falls behind all others (Burckhardt et al. 2010). A rank is drawn once and kept while others come and go, so both meet deep orders.
 */
export type Strategy =
  | { readonly kind: "fifo" }
  | { readonly kind: "random" }
  | { readonly kind: "pct"; readonly changes: number; readonly eventsAbout?: number };

/** Gives each event its rank among those of the same moment: an integer of 20 bits, lower ones first. */
export interface Ranks {
  rankOf(strand: Strand, eventNumber: number): number;
}

/** The text of a command's option: `fifo`, `random`, `pct:3`. Throws {@link ConfigError}. */
export function strategyOf(text: string): Strategy {
  if (text === "fifo" || text === "random") return { kind: text };
  const found = /^pct:(\d{1,2})$/.exec(text);
  if (found === null) throw new ConfigError("strategy", text, "fifo, random, or pct:N with N changes of priority");
  return { kind: "pct", changes: Number(found[1]) };
}

/** The text from which {@link strategyOf} makes it again. */
export function strategyText(strategy: Strategy): string {
  return strategy.kind === "pct" ? `pct:${strategy.changes}` : strategy.kind;
}

export function ranksOf(strategy: Strategy, random: Random): Ranks {
  switch (strategy.kind) {
    case "fifo":
      return { rankOf: () => 0 };
    case "random":
      return { rankOf: () => Math.floor(random.next() * ranks) };
    case "pct":
      return priorities(strategy, random);
    default:
      throw new TypeError(`unknown strategy ${String(strategy satisfies never)}`);
  }
}

const ranks = 2 ** 20;
const changesMax = 99;

function priorities(strategy: { readonly changes: number; readonly eventsAbout?: number }, random: Random): Ranks {
  const changes = integerIn("changes", strategy.changes, { min: 0, max: changesMax });
  const eventsAbout = integerIn("eventsAbout", strategy.eventsAbout ?? 10_000, { min: 1 });
  const changeAt = Array.from({ length: changes }, () => random.integer(1, eventsAbout)).toSorted((a, b) => a - b);
  const ofStrand: number[] = [];
  // The lower half is drawn; strands that fell behind fill the upper one.
  let behind = ranks / 2;
  return {
    rankOf(strand, eventNumber) {
      const next = changeAt[0];
      if (next !== undefined && eventNumber >= next) {
        changeAt.shift();
        ofStrand[strand.number] = behind++;
      }
      return (ofStrand[strand.number] ??= Math.floor((random.next() * ranks) / 2));
    },
  };
}
