import type { Algorithm, Ask } from "./algorithm.ts";
import { Bucket } from "./bucket.ts";
import type { Cells } from "./cells.ts";
import type { Entries } from "./entries.ts";
import { EntryAlgorithm } from "./entry-algorithm.ts";
import { FixedWindow } from "./fixed-window.ts";
import type { PlacedRule, Rule } from "./rule.ts";
import { SlidingWindow } from "./sliding-window.ts";
import type { Standing, StoreCall, TakeCall, Verdict } from "./store.ts";

/** The states of the keys of one rule, for stores that judge in this process. */
export interface Keys {
  readonly algorithm: Algorithm;
  /** The slot of a key; 0 for one that nobody has used. */
  find(key: string): number;
  /** The slot of a key, to be written to. */
  claim(key: string, nowUs: number): number;
}

/** Where the states of a rule are. */
export type KeysOf = (placed: PlacedRule) => Keys;

/** The algorithm of a rule over the storage given. */
export function algorithmOf(rule: Rule, cells: Cells, entries: Entries): Algorithm {
  switch (rule.kind) {
    case "token-bucket":
    case "leaky-bucket":
      return new Bucket(rule, cells);
    case "fixed-window":
      return new FixedWindow(rule, cells);
    case "sliding-window":
      return new SlidingWindow(rule, cells);
    case "sliding-log":
    case "concurrency":
      return new EntryAlgorithm(rule, entries);
    default:
      throw new TypeError(`unknown rule ${rule.kind satisfies never}`);
  }
}

const granted: Verdict = { kind: "granted", standings: [] };
const refused: Verdict = { kind: "refused", standings: [] };

/** What a call asks of one rule. With a factor of 1 a rule that counts calls takes exactly one permit. */
export function askOf({ counts }: Rule, call: Ask): Ask {
  return counts === "cost" ? call : { cost: 1, weight: call.weight / call.cost, id: call.id };
}

/** Decides one call; the caller sees to it that nobody comes between. */
export function judge(call: StoreCall, nowUs: number, keysOf: KeysOf): Verdict {
  switch (call.op) {
    case "take":
    case "peek":
      return judgeTake(call, nowUs, keysOf);
    case "give-back":
      for (const [index, { placed, key }] of call.targets.entries()) {
        const keys = keysOf(placed);
        const receipt = call.receipts[index];
        // Nothing is left of a key that was forgotten.
        if (receipt !== undefined && keys.find(key) !== 0)
          keys.algorithm.giveBack(keys.claim(key, nowUs), nowUs, receipt);
      }
      return granted;
    case "renew":
      return renew(call, nowUs, keysOf) ? granted : refused;
    default:
      throw new TypeError(`unknown call ${call satisfies never}`);
  }
}

/** One rule of a call while it is judged. */
interface Place {
  readonly keys: Keys;
  readonly key: string;
  readonly ask: Ask;
  slot: number;
  /** Whether the slot may be written to already. */
  isClaimed: boolean;
  waitUs: number;
}

/** How a key stands, with `taken` permits of the call in its state already. */
function standingOf({ keys: { algorithm }, ask, slot, waitUs }: Place, nowUs: number, taken: number): Standing {
  return {
    cost: ask.cost,
    weight: ask.weight,
    id: ask.id,
    atUs: nowUs,
    level: algorithm.level(slot),
    shift: algorithm.shift(slot),
    waitUs,
    delayUs: waitUs === 0 ? algorithm.delayUs(slot, nowUs, taken) : 0,
    remaining: algorithm.remaining(slot, nowUs),
    fullAfterUs: Math.max(0, algorithm.idleAtUs(slot) - nowUs),
  };
}

function judgeTake(call: TakeCall, nowUs: number, keysOf: KeysOf): Verdict {
  return judgeAt(call, placesOf(call, keysOf), nowUs);
}

/** Equal takes or peeks behind one another, and where their verdicts go. */
export interface EqualTakes {
  readonly times: number;
  readonly nowUs: number;
  readonly keysOf: KeysOf;
  readonly verdicts: Verdict[];
}

/** Decides a call so many times, as if each were judged by itself. */
export function judgeEqual(call: TakeCall, { times, nowUs, keysOf, verdicts }: EqualTakes): void {
  const places = placesOf(call, keysOf);
  for (let count = 0; count < times; count++) {
    const verdict = judgeAt(call, places, nowUs);
    verdicts.push(verdict);
    if (verdict.kind === "granted") continue;
    // It has changed nothing, so those behind it are told the same.
    while (++count < times) verdicts.push(verdict);
  }
}

function placesOf(call: TakeCall, keysOf: KeysOf): Place[] {
  const places: Place[] = [];
  for (const { placed, key } of call.targets) {
    const keys = keysOf(placed);
    places.push({ keys, key, ask: askOf(placed.rule, call), slot: keys.find(key), isClaimed: false, waitUs: 0 });
  }
  return places;
}

function judgeAt(call: TakeCall, places: readonly Place[], nowUs: number): Verdict {
  let fits = true;
  for (const place of places) {
    place.waitUs = place.keys.algorithm.waitUs(place.slot, nowUs, place.ask);
    if (place.waitUs !== 0) fits = false;
  }
  const isTaken = fits && call.op === "take";
  // A list that grows has room for 17 from its first on, and every take of a burst holds one.
  const standings = Array<Standing>(places.length);
  let index = 0;
  for (const place of places) {
    if (isTaken) takeAt(place, nowUs);
    standings[index++] = standingOf(place, nowUs, isTaken ? place.ask.weight : 0);
  }
  return { kind: fits ? "granted" : "refused", standings };
}

function takeAt(place: Place, nowUs: number): void {
  if (!place.isClaimed) {
    place.slot = place.keys.claim(place.key, nowUs);
    place.isClaimed = true;
  }
  place.keys.algorithm.take(place.slot, nowUs, place.ask);
}

function renew(call: Extract<StoreCall, { op: "renew" }>, nowUs: number, keysOf: KeysOf): boolean {
  let isHeld = true;
  for (const { placed, key } of call.targets) {
    const keys = keysOf(placed);
    if (placed.rule.kind !== "concurrency" || !(keys.algorithm instanceof EntryAlgorithm)) continue;
    const slot = keys.find(key);
    isHeld = slot !== 0 && keys.algorithm.renew(slot, nowUs, call.id) && isHeld;
  }
  return isHeld;
}
