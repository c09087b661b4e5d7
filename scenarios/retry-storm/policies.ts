import type { Clock } from "ashlar/clock";
import type { Random } from "ashlar/random";
import {
  adaptiveLimit,
  breaker,
  bulkhead,
  exponentialBackoff,
  fixedDelay,
  type Layer,
  retry,
  retryBudget,
} from "ashlar/resilience";
import { newestFirst } from "./newest-first.ts";

/** What policies are made with. */
export interface Parts {
  /** Workers of the server: 20, or fewer in a small copy of it. */
  readonly workers: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** How the client calls and how the server admits. */
export interface StormPolicy {
  readonly name: string;
  /** Layers around an attempt, from the outside in; a timeout of 500 ms follows. */
  readonly client: (parts: Omit<Parts, "workers">) => readonly Layer[];
  /** Layers around the work of the server, the innermost of which are its workers. */
  readonly server: (parts: Parts) => readonly Layer[];
  /** Up to so many requests a second the system comes back by itself once the stall is over; a known fact, which the scenario checks. */
  readonly recoversUpTo: number;
  /** From so many on it does not, in three minutes. Default: beyond `recoversUpTo`. */
  readonly neverFrom?: number | undefined;
}

/** How long a client waits for an answer. */
export const timeoutMs = 500;

const everything = 1_000_000;
const noLayers = (): readonly Layer[] => [];
const threeRetries = (): readonly Layer[] => [retry({ attemptsMax: 4, delay: fixedDelay(0), budget: "none" })];

/** First come, first served; so many wait, for so long. */
function queue(queueMax: number, waitMaxMs?: number): StormPolicy["server"] {
  return ({ clock, workers }) => [bulkhead({ name: "workers", permits: workers, queueMax, waitMaxMs, clock })];
}

/** Half of the last 100 calls failed: open for 1 to 2 s. */
function breakerOf({ clock, random }: Omit<Parts, "workers">): readonly Layer[] {
  const trip = { kind: "calls", calls: 100, failureRatio: 0.5 } as const;
  return [breaker({ trip, openMs: fixedDelay(1_500, { jitter: 1 / 3 }), clock, random })];
}

/** The same storm under each of these. */
export const policies: readonly StormPolicy[] = [
  { name: "no retry", client: noLayers, server: queue(everything), recoversUpTo: Infinity },
  { name: "3 retries at once", client: threeRetries, server: queue(everything), recoversUpTo: 0 },
  {
    name: "3 retries, back-off from 100 ms with full jitter",
    client: () => [retry({ attemptsMax: 4, delay: exponentialBackoff({ firstMs: 100 }), budget: "none" })],
    server: queue(everything),
    recoversUpTo: 0,
  },
  {
    name: "3 retries within a budget of 10 %",
    client: () => [retry({ attemptsMax: 4, delay: fixedDelay(0), budget: retryBudget({ ratio: 0.1 }) })],
    server: queue(everything),
    recoversUpTo: Infinity,
  },
  {
    name: "3 retries within retry()'s own budget, 20 %",
    client: () => [retry({ attemptsMax: 4, delay: fixedDelay(0) })],
    server: queue(everything),
    // At 800 a fifth more is 960 of 1,000: it hardly catches up.
    recoversUpTo: 700,
    neverFrom: 900,
  },
  {
    name: "3 retries, at most 100 wait",
    client: threeRetries,
    server: (parts) => queue(5 * parts.workers)(parts),
    recoversUpTo: Infinity,
  },
  {
    name: "3 retries, the newest first",
    client: threeRetries,
    server: ({ workers }) => [newestFirst(workers)],
    recoversUpTo: Infinity,
  },
  {
    name: "3 retries of what a breaker lets through",
    client: (parts) => [
      retry({ attemptsMax: 4, delay: fixedDelay(0), budget: "none", retryAfter: "ignore" }),
      ...breakerOf(parts),
    ],
    server: queue(everything),
    recoversUpTo: Infinity,
  },
  {
    name: "3 retries that wait until a breaker closes",
    client: (parts) => [...threeRetries(), ...breakerOf(parts)],
    server: queue(everything),
    // All who waited come back at once and open it again: it takes chance to get out of that.
    recoversUpTo: 0,
    neverFrom: Infinity,
  },
  {
    name: "3 retries, what waited 500 ms is dropped",
    client: threeRetries,
    server: queue(everything, timeoutMs),
    recoversUpTo: 0,
  },
  {
    name: "3 retries, what waited 300 ms is dropped",
    client: threeRetries,
    server: queue(everything, 300),
    recoversUpTo: Infinity,
  },
  {
    name: "3 retries, an adaptive limit that sheds",
    client: threeRetries,
    server: (parts) => [
      adaptiveLimit({ ...parts, name: "limit", initial: parts.workers, max: 10 * parts.workers }),
      ...queue(everything)(parts),
    ],
    recoversUpTo: Infinity,
  },
];
