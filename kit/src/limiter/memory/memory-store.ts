import { type Clock, systemClock } from "../../clock/mod.ts";
import { integerIn } from "../../errors/mod.ts";
import { judge, type KeysOf } from "../judge.ts";
import type { PlacedRule } from "../rule.ts";
import type { NowStore, Shelf, StoreCall, Verdict } from "../store.ts";
import { MemoryKeys } from "./memory-keys.ts";

/** What the store needs of a clock. */
type StoreClock = Pick<Clock, "now" | "monotonic">;

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  readonly clock?: StoreClock;
  /** Keys of one rule, 1 to 10,000,000. Beyond it one that has nearly recovered is forgotten, and starts anew. Default 100,000. */
  readonly keysMax?: number;
}

/** The states of limits in this process. */
export interface MemoryStore extends NowStore {
  /** Keys that it holds at present, those that have recovered and were not yet dropped included. */
  readonly keys: number;
}

/**
 * Decides at once, for this process alone; nothing survives it. Time is that of the clock when the store was made plus what has passed since,
 * so corrections of the machine's time have no effect. 16 or 24 bytes a key and its place in a map. Throws ConfigError.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const keysMax = integerIn("keysMax", options.keysMax ?? 100_000, { min: 1, max: 10_000_000 });
  return new InMemory(options.clock ?? systemClock, keysMax);
}

class InMemory implements MemoryStore {
  readonly name = "memory";
  readonly #clock: StoreClock;
  readonly #keysMax: number;
  readonly #rules = new Map<string, MemoryKeys>();
  readonly #originUs: number;
  readonly #keysOf: KeysOf = (placed) => this.#rule(placed);

  constructor(clock: StoreClock, keysMax: number) {
    this.#clock = clock;
    this.#keysMax = keysMax;
    this.#originUs = clock.now() * 1_000 - Math.round(clock.monotonic() * 1_000);
  }

  get keys(): number {
    return this.#rules.values().reduce((sum, { size }) => sum + size, 0);
  }

  nowUs(): number {
    return this.#originUs + Math.round(this.#clock.monotonic() * 1_000);
  }

  decideNow(call: StoreCall): Verdict {
    return judge(call, this.nowUs(), this.#keysOf);
  }

  decide(calls: readonly StoreCall[]): Promise<readonly Verdict[]> {
    const nowUs = this.nowUs();
    return Promise.resolve(calls.map((call) => judge(call, nowUs, this.#keysOf)));
  }

  shelf(placed: PlacedRule): Shelf {
    return this.#rule(placed);
  }

  #rule({ rule, space }: PlacedRule): MemoryKeys {
    const known = this.#rules.get(space);
    if (known !== undefined) return known;
    const made = new MemoryKeys(rule, this.#keysMax);
    this.#rules.set(space, made);
    return made;
  }
}
