import type { Random } from "ashlar/random";
import type { FinalOutcome } from "ashlar/saga";
import type { NodeHost, World } from "ashlar/simulation";
import type { BedKind } from "./bed.ts";

/** What one run does, one after the other. */
export interface Script {
  readonly number: number;
  readonly parts: readonly Part[];
  /** Before which part it fails; none when beyond them. */
  readonly failsAt: number;
}

/** Kinds of operations: an effect outside, one within the engine, a pause, a signal, two branches, a child, an effect that must not be repeated, SQL. */
export type Part = "outside" | "inside" | "pause" | "signal" | "branches" | "child" | "once" | "sql";

export function scripts(random: Random, kind: BedKind): readonly Script[] {
  const kinds = [
    "outside",
    "inside",
    "pause",
    "signal",
    "branches",
    "child",
    "once",
    kind === "memory" ? "inside" : "sql",
  ] as const;
  return Array.from({ length: 5 }, (_, number) => {
    const parts = Array.from({ length: random.integer(1, 6) }, () => random.pick(kinds));
    return { number, parts, failsAt: random.next() < 0.4 ? random.integer(0, parts.length - 1) : 99 };
  });
}

/** One attempt at a step or a compensation. */
export interface Effect {
  readonly key: string;
  readonly kind: "step" | "undo" | "once";
  readonly by: string;
  end: "done" | undefined;
}

/** What a proof of sagas has seen. */
export class SagaHistory {
  readonly effects: Effect[] = [];
  /** Steps that began although they were recorded already. */
  readonly repeated: Effect[] = [];
  readonly outcomes = new Map<string, FinalOutcome>();
  readonly taken: { readonly run: string; readonly payload: string }[] = [];
  readonly sent = new Set<string>();
  readonly #recorded = new Set<string>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Lease and time agree in all processes: nobody's clock has jumped or drifted. */
  get isTimeSound(): boolean {
    const { all } = this.#world.counters;
    return all["fault: clock jump"] === undefined && all["fault: clock drift"] === undefined;
  }

  begun(host: NodeHost, key: string, kind: Effect["kind"]): Effect {
    const effect: Effect = { key, kind, by: `${host.name} ${host.epoch}`, end: undefined };
    if (this.effects.some((other) => other.key === key)) this.#world.sometimes("a step ran again");
    if (this.#recorded.has(key)) this.repeated.push(effect);
    this.effects.push(effect);
    return effect;
  }

  /** The code that waited for the step went on, so that its record is durable. */
  recorded(key: string): void {
    this.#recorded.add(key);
  }

  took(run: string, payload: string): void {
    this.taken.push({ run, payload });
  }

  ended(id: string, outcome: FinalOutcome): void {
    this.outcomes.set(id, outcome);
    this.#world.sometimes(`a run ${outcome.status}`);
  }
}
