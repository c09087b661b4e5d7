import type { ScriptCall } from "../../drivers/redis/mod.ts";
import type { Ask } from "../algorithm.ts";
import { askOf } from "../judge.ts";
import type { StoreCall, Target } from "../store.ts";
import { Packed } from "./pack-numbers.ts";
import type { RulePlace, RulePlaces } from "./rule-places.ts";

/** What every request of a store has in common. */
export interface RequestSettings {
  readonly prefix: string;
  /** Microseconds to go by in place of the server's time, in digits; "" without. */
  readonly timeUs: string;
  /** Milliseconds that keys outlive what they say. */
  readonly slackMs: number;
}

type Take = Extract<StoreCall, { op: "take" | "peek" }>;

const packed = new Packed();

/** A batch as a call of the script: each key once, equal takes of one key behind one another as one. */
export class Request {
  /** The number of a key within the batch, from 1, by space and key. */
  readonly slots: Map<string, Map<string, number>> = new Map();
  readonly #places: RulePlaces;
  readonly #settings: RequestSettings;
  readonly #states: string[] = [];
  readonly #entryKeys: string[] = [];
  readonly #rules = new Map<RulePlace, number>();
  readonly #ruleOfSlot: number[] = [];

  constructor(places: RulePlaces, settings: RequestSettings) {
    this.#places = places;
    this.#settings = settings;
  }

  get slotCount(): number {
    return this.#states.length;
  }

  scriptCall(calls: readonly StoreCall[]): ScriptCall {
    for (let index = 0; index < calls.length; index++) index += this.#add(calls, index);
    const body = packed.taken();
    packed.number(this.#rules.size);
    packed.number(this.#states.length);
    for (const { figures } of this.#rules.keys()) for (const figure of figures) packed.number(figure);
    for (const rule of this.#ruleOfSlot) packed.number(rule);
    const { prefix, timeUs, slackMs } = this.#settings;
    return {
      keys: [`${prefix}time`, ...this.#states, ...this.#entryKeys],
      values: [packed.taken(), body, timeUs, `${slackMs}`],
      replies: "bytes",
    };
  }

  /** Adds a call; how many behind it are in it. */
  #add(calls: readonly StoreCall[], index: number): number {
    const call = calls[index];
    switch (call?.op) {
      case "take":
      case "peek":
        return this.#addTake(call, calls, index);
      case "give-back":
        head({ op: 2, times: 1, targets: call.targets.length, id: "" });
        for (const [place, target] of call.targets.entries()) this.#addReceipt(target, call.receipts[place]);
        return 0;
      case "renew": {
        const leases = call.targets.filter(({ placed }) => placed.rule.kind === "concurrency");
        head({ op: 3, times: 1, targets: leases.length, id: call.id });
        for (const lease of leases) packed.number(this.#slotOf(lease));
        return 0;
      }
      case undefined:
        return 0;
      default:
        throw new TypeError(`unknown call ${call satisfies never}`);
    }
  }

  #addTake(call: Take, calls: readonly StoreCall[], index: number): number {
    const slots = call.targets.map((target) => this.#slotOf(target));
    let more = 0;
    // Of takes with entries each is told of by itself.
    const keepsNumbers = call.targets.every(({ placed }) => this.#places.of(placed).keeps === "numbers");
    if (call.op === "take" && keepsNumbers) while (isEqual(call, calls[index + more + 1])) more += 1;
    head({ op: call.op === "take" ? 1 : 0, times: 1 + more, targets: slots.length, id: call.id });
    for (const [place, { placed }] of call.targets.entries()) {
      const { cost, weight } = askOf(placed.rule, call);
      packed.number(slots[place] ?? 0);
      packed.number(cost);
      packed.number(weight);
    }
    return more;
  }

  #addReceipt(target: Target, receipt: (Ask & { atUs: number; level: number; shift: number }) | undefined): void {
    packed.number(this.#slotOf(target));
    packed.text(receipt?.id ?? "");
    packed.number(receipt?.weight ?? 0);
    packed.number(receipt?.atUs ?? 0);
    packed.number(receipt?.level ?? 0);
    packed.number(receipt?.shift ?? 0);
  }

  #slotOf({ placed, key }: Target): number {
    let keys = this.slots.get(placed.space);
    if (keys === undefined) this.slots.set(placed.space, (keys = new Map()));
    const known = keys.get(key);
    if (known !== undefined) return known;
    const slot = this.#states.length + 1;
    keys.set(key, slot);
    const place = this.#places.of(placed);
    const name = `${this.#settings.prefix}${placed.space}|${key}`;
    this.#states.push(name);
    if (place.keeps === "entries") this.#entryKeys.push(`${name}|ends`, `${name}|weights`);
    let rule = this.#rules.get(place);
    if (rule === undefined) this.#rules.set(place, (rule = this.#rules.size + 1));
    this.#ruleOfSlot.push(rule);
    return slot;
  }
}

interface Head {
  readonly op: number;
  readonly times: number;
  readonly targets: number;
  readonly id: string;
}

function head({ op, times, targets, id }: Head): void {
  packed.number(op);
  packed.number(times);
  packed.number(targets);
  packed.text(id);
}

/** Whether a call asks the same of the same keys. */
function isEqual(call: Take, other: StoreCall | undefined): boolean {
  if (other?.op !== "take" || other.cost !== call.cost || other.weight !== call.weight) return false;
  if (other.targets.length !== call.targets.length) return false;
  for (let place = 0; place < call.targets.length; place++) {
    const [one, two] = [call.targets[place], other.targets[place]];
    if (one?.key !== two?.key || one?.placed.space !== two?.placed.space) return false;
  }
  return true;
}
