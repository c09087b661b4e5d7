import type { Fault, FaultRule } from "./fault.ts";
import { faultText } from "./fault.ts";
import type { World } from "./world.ts";

/** The faults of a plan, as they begin and end in a world. */
export class Chaos {
  readonly #world: World;
  readonly #rules: ReadonlyMap<string, FaultRule>;
  readonly #active = new Set<Disposable>();

  constructor(world: World, rules: readonly FaultRule[]) {
    this.#world = world;
    this.#rules = new Map(rules.map((rule) => [rule.kind, rule]));
  }

  /** Schedules a plan from now on. */
  begin(plan: readonly Fault[]): void {
    for (const fault of plan) this.#world.clock.setTimer(fault.atMs, () => this.#begin(fault), { holdsProcess: "no" });
  }

  /** Ends every fault and starts every node that is down. */
  async heal(): Promise<void> {
    for (const active of this.#active) active[Symbol.dispose]();
    this.#active.clear();
    const down = [...this.#world.nodes.values()].filter((node) => node.state === "down");
    await Promise.all(down.map((node) => node.start()));
  }

  #begin(fault: Fault): void {
    const { kernel, clock, counters } = this.#world;
    const ending = this.#rules.get(fault.kind)?.begin(this.#world, fault);
    kernel.note(ending === undefined ? `nothing to do for ${faultText(fault)}` : faultText(fault));
    if (ending === undefined) return;
    counters.count(faultCounter(fault.kind));
    this.#active.add(ending);
    const end = (): void => {
      if (!this.#active.delete(ending)) return;
      kernel.note(`end of fault ${fault.index}`);
      ending[Symbol.dispose]();
    };
    clock.setTimer(fault.lengthMs, end, { holdsProcess: "no" });
  }
}

/** Under which name a kind of fault is counted when it happens. */
export function faultCounter(kind: string): string {
  return `fault: ${kind}`;
}
