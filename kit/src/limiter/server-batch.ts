import type { Ask } from "./algorithm.ts";
import { askOf } from "./judge.ts";
import type { RulePlace, RulePlaces } from "./rule-places.ts";
import type { StoreCall, TakeCall, Target } from "./store.ts";

/** Where the calls of a batch are written, in the form that the server reads. */
export interface CallSink {
  number(value: number): void;
  text(value: string): void;
}

/**
 * A batch for a server that judges: each key once, equal takes of one key behind one another as one. A call is written as its kind (0 peek, 1
 * take, 2 give-back, 3 renew), how often, how many targets, its id; then for each target its slot and, of a take, cost and weight, of a
 * give-back, what its receipt says: id, weight, time, level, shift.
 */
export class ServerBatch {
  /** The number of a key within the batch, from 1, by space and key. */
  readonly slots: Map<string, Map<string, number>> = new Map();
  /** Space and key of each slot. */
  readonly names: string[] = [];
  /** Those of slots whose rules keep entries. */
  readonly entryNames: string[] = [];
  /** The number of each rule within the batch, from 1. */
  readonly rules: Map<RulePlace, number> = new Map();
  /** The number of the rule of each slot. */
  readonly ruleOfSlot: number[] = [];
  /** How many calls each one written stands for. */
  readonly runs: number[] = [];
  readonly #places: RulePlaces;
  readonly #sink: CallSink;

  constructor(places: RulePlaces, sink: CallSink, calls: readonly StoreCall[]) {
    this.#places = places;
    this.#sink = sink;
    for (let index = 0; index < calls.length;) {
      const times = this.#add(calls, index);
      this.runs.push(times);
      index += times;
    }
  }

  /** Adds a call, and those behind it that are equal; how many they are. */
  #add(calls: readonly StoreCall[], index: number): number {
    const call = calls[index];
    switch (call?.op) {
      case "take":
      case "peek":
        return this.#addTake(call, calls, index);
      case "give-back":
        this.#head({ op: 2, times: 1, targets: call.targets.length, id: "" });
        for (const [place, target] of call.targets.entries()) this.#addReceipt(target, call.receipts[place]);
        return 1;
      case "renew": {
        const leases = call.targets.filter(({ placed }) => placed.rule.kind === "concurrency");
        this.#head({ op: 3, times: 1, targets: leases.length, id: call.id });
        for (const lease of leases) this.#sink.number(this.#slotOf(lease));
        return 1;
      }
      case undefined:
        return 1;
      default:
        throw new TypeError(`unknown call ${call satisfies never}`);
    }
  }

  #addTake(call: TakeCall, calls: readonly StoreCall[], index: number): number {
    const times = call.op === "take" && this.#keepsNumbers(call) ? equalFrom(calls, index, call) : 1;
    this.#head({ op: call.op === "take" ? 1 : 0, times, targets: call.targets.length, id: call.id });
    for (const target of call.targets) {
      const { cost, weight } = askOf(target.placed.rule, call);
      this.#sink.number(this.#slotOf(target));
      this.#sink.number(cost);
      this.#sink.number(weight);
    }
    return times;
  }

  /** Of takes with entries each is told of by itself. */
  #keepsNumbers({ targets }: TakeCall): boolean {
    for (const { placed } of targets) if (this.#places.of(placed).keeps === "entries") return false;
    return true;
  }

  #addReceipt(target: Target, receipt: (Ask & { atUs: number; level: number; shift: number }) | undefined): void {
    const sink = this.#sink;
    sink.number(this.#slotOf(target));
    sink.text(receipt?.id ?? "");
    sink.number(receipt?.weight ?? 0);
    sink.number(receipt?.atUs ?? 0);
    sink.number(receipt?.level ?? 0);
    sink.number(receipt?.shift ?? 0);
  }

  #head({ op, times, targets, id }: Head): void {
    const sink = this.#sink;
    sink.number(op);
    sink.number(times);
    sink.number(targets);
    sink.text(id);
  }

  #slotOf({ placed, key }: Target): number {
    let keys = this.slots.get(placed.space);
    if (keys === undefined) this.slots.set(placed.space, (keys = new Map()));
    const known = keys.get(key);
    if (known !== undefined) return known;
    const place = this.#places.of(placed);
    const name = `${placed.space}|${key}`;
    const slot = this.names.push(name);
    keys.set(key, slot);
    if (place.keeps === "entries") this.entryNames.push(name);
    let rule = this.rules.get(place);
    if (rule === undefined) this.rules.set(place, (rule = this.rules.size + 1));
    this.ruleOfSlot.push(rule);
    return slot;
  }
}

interface Head {
  readonly op: number;
  readonly times: number;
  readonly targets: number;
  readonly id: string;
}

/** How many calls from there on ask the same of the same keys. */
function equalFrom(calls: readonly StoreCall[], index: number, call: TakeCall): number {
  let end = index + 1;
  while (isEqual(call, calls[end])) end += 1;
  return end - index;
}

function isEqual(call: TakeCall, other: StoreCall | undefined): boolean {
  // A limiter's takes of one key share their call.
  if (other === call) return true;
  if (other?.op !== "take" || other.cost !== call.cost || other.weight !== call.weight || other.id !== call.id)
    return false;
  if (other.targets.length !== call.targets.length) return false;
  for (let place = 0; place < call.targets.length; place++) {
    const [one, two] = [call.targets[place], other.targets[place]];
    if (one?.key !== two?.key || one?.placed.space !== two?.placed.space) return false;
  }
  return true;
}
