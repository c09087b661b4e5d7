import type { Slot } from "./slot.ts";

/** How the share of the own zone is led. */
export interface ZoneRules {
  /** Reported load of the own zone above which calls begin to leave it; at 1 it keeps its fair share only. */
  readonly loadMax: number;
  /** So many times the latency of the other zones is too slow. */
  readonly latencyFactor: number;
  /** How often latencies are compared. */
  readonly compareMs: number;
}

// Envoy's overprovisioning factor: a zone bears 1.4 times its usual traffic, so the loss of 28 % sends nobody abroad.
const spareFactor = 1.4;
// One call in a hundred goes abroad, else the latency there would never be known.
const homeMax = 0.99;
const callsMin = 5;
const retreat = 0.8;
const advance = 0.02;

interface Totals {
  readonly answered: number;
  readonly endedMs: number;
}

/** The part of the calls that stays in the own zone. */
export interface ZoneShare {
  /** From the fair share (the zone's part of all weight) to 0.99. O(1) but for one comparison every `compareMs`, O(n). */
  at(nowMs: number): number;
  /** Tells of the slots as they are now. */
  rebuild(sides: ZoneSides): void;
}

/** Who is at home and who is abroad. */
export interface ZoneSides {
  readonly home: readonly Slot[];
  /** Those at home that are up, trusted or not. */
  readonly homeBase: readonly Slot[];
  readonly abroad: readonly Slot[];
}

/**
 * Stays at home while home is well. Three signs send calls abroad, never below the fair share, at which home is treated like all:
 * fewer healthy endpoints, a high reported load, and latencies beyond `latencyFactor` times those abroad. The last one is a
 * controller, for nobody else knows what other callers send: it begins at the fair share, takes a fiftieth more each time home
 * is not too slow, and gives a fifth of its share when it is. Thus a zone that bears all has all after some 10 s, and one that
 * does not is met from below.
 */
export function zoneShare(rules: ZoneRules, nowMs: number): ZoneShare {
  let sides: ZoneSides = { home: [], homeBase: [], abroad: [] };
  let byLatency = 0;
  let ceiling = 1;
  let fair = 1;
  let compareAtMs = nowMs + rules.compareMs;
  // Sums at the last look, and what came since the last verdict: the slots may change in between.
  let seen = [totalsOf([]), totalsOf([])] as const;
  let gained = [totalsOf([]), totalsOf([])] as const;

  function look(): void {
    const now = [totalsOf(sides.home), totalsOf(sides.abroad)] as const;
    gained = [grown(gained[0], seen[0], now[0]), grown(gained[1], seen[1], now[1])];
    seen = now;
  }

  function compare(turns: number): void {
    look();
    const [home, abroad] = gained;
    const more = Math.min(1, Math.max(fair, byLatency) + turns * advance);
    if (home.answered < callsMin || abroad.answered < callsMin) {
      // They add up until there is something to compare. With hardly anything in flight home cannot be too slow.
      if (inFlightOf(sides.home) < callsMin) byLatency = more;
      return;
    }
    gained = [totalsOf([]), totalsOf([])];
    const isSlow = home.endedMs / home.answered > (rules.latencyFactor * abroad.endedMs) / abroad.answered + 1;
    byLatency = isSlow ? Math.max(fair, byLatency * retreat) : more;
  }

  return {
    at(nowMs: number): number {
      if (nowMs >= compareAtMs) {
        const turns = 1 + Math.floor((nowMs - compareAtMs) / rules.compareMs);
        compareAtMs = nowMs + rules.compareMs;
        compare(turns);
      }
      return Math.max(fair, Math.min(byLatency, ceiling));
    },
    rebuild(next: ZoneSides): void {
      look();
      sides = next;
      seen = [totalsOf(next.home), totalsOf(next.abroad)];
      fair = weightOf(next.home) / (weightOf(next.home) + weightOf(next.abroad));
      const byHealth = (spareFactor * weightOf(next.home)) / weightOf(next.homeBase);
      ceiling = Math.min(homeMax, byHealth, byLoad(next.home, fair, rules.loadMax));
    },
  };
}

function byLoad(home: readonly Slot[], fair: number, loadMax: number): number {
  const loads = home.flatMap(({ endpoint }) => (endpoint.load === undefined ? [] : [endpoint.load]));
  if (loads.length === 0) return 1;
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  const excess = Math.min(1, Math.max(0, (mean - loadMax) / Math.max(0.01, 1 - loadMax)));
  return 1 - (1 - fair) * excess;
}

function weightOf(slots: readonly Slot[]): number {
  return slots.reduce((sum, slot) => sum + slot.weight, 0);
}

function inFlightOf(slots: readonly Slot[]): number {
  return slots.reduce((sum, slot) => sum + slot.inFlight, 0);
}

function grown(sum: Totals, before: Totals, after: Totals): Totals {
  return {
    answered: sum.answered + after.answered - before.answered,
    endedMs: sum.endedMs + after.endedMs - before.endedMs,
  };
}

function totalsOf(slots: readonly Slot[]): Totals {
  let answered = 0;
  let endedMs = 0;
  for (const slot of slots) {
    answered += slot.ended - slot.failed;
    endedMs += slot.endedMs;
  }
  return { answered, endedMs };
}
