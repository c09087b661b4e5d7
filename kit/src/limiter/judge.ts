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
  readonly waitUs: number;
  slot: number;
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
  const places: Place[] = [];
  let fits = true;
  for (const { placed, key } of call.targets) {
    const keys = keysOf(placed);
    const ask = askOf(placed.rule, call);
    const slot = keys.find(key);
    const waitUs = keys.algorithm.waitUs(slot, nowUs, ask);
    if (waitUs !== 0) fits = false;
    places.push({ keys, key, ask, slot, waitUs });
  }
  const isTaken = fits && call.op === "take";
  const standings: Standing[] = [];
  for (const place of places) {
    if (isTaken) {
      place.slot = place.keys.claim(place.key, nowUs);
      place.keys.algorithm.take(place.slot, nowUs, place.ask);
    }
    standings.push(standingOf(place, nowUs, isTaken ? place.ask.weight : 0));
  }
  return { kind: fits ? "granted" : "refused", standings };
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
