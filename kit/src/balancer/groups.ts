import { type Group, groupOf, type GroupRules, rebuildGroup, type Subset } from "./group.ts";
import type { Slot } from "./slot.ts";

/** What the groups of a balancer go by. */
export interface GroupsRules extends GroupRules {
  readonly zone: string | undefined;
  readonly subsets: ReadonlyMap<string, Subset>;
}

/** The groups in use, made anew after a change when they are next asked for. Bounded by the zones of the set times its subsets. */
export class Groups {
  readonly #rules: GroupsRules;
  readonly #main: Group;
  readonly #others = new Map<Subset | undefined, Map<string | undefined, Group>>();
  readonly #zones = new Set<string>();
  readonly #startMs: number;
  #version = 0;
  #zonesVersion = -1;

  constructor(rules: GroupsRules, nowMs: number) {
    this.#rules = rules;
    this.#startMs = nowMs;
    this.#main = groupOf({ subset: undefined, zone: rules.zone }, rules, nowMs);
  }

  /** Call when a slot was added, removed, ejected, put back, marked or weighted anew. */
  changed(): void {
    this.#version++;
  }

  /** The whole set, seen from the balancer's own zone. */
  main(slots: readonly Slot[]): Group {
    return this.#fresh(this.#main, slots);
  }

  /** The group that a request asks for; undefined when there is no subset of that name. */
  of(request: { subset?: string | undefined; zone?: string | undefined }, slots: readonly Slot[]): Group | undefined {
    if (request.subset === undefined && request.zone === undefined) return this.main(slots);
    const subset = request.subset === undefined ? undefined : this.#rules.subsets.get(request.subset);
    if (request.subset !== undefined && subset === undefined) return undefined;
    return this.#seen(subset, this.#known(request.zone ?? this.#rules.zone, slots), slots);
  }

  /** The whole set from the same zone. */
  whole({ zone }: Group, slots: readonly Slot[]): Group {
    return zone === this.#rules.zone ? this.main(slots) : this.#seen(undefined, zone, slots);
  }

  #seen(subset: Subset | undefined, zone: string | undefined, slots: readonly Slot[]): Group {
    let ofSubset = this.#others.get(subset);
    if (ofSubset === undefined) this.#others.set(subset, (ofSubset = new Map()));
    let group = ofSubset.get(zone);
    if (group === undefined) ofSubset.set(zone, (group = groupOf({ subset, zone }, this.#rules, this.#startMs)));
    return this.#fresh(group, slots);
  }

  /** A zone that the set has. A caller may name any, and must not fill the memory by it. */
  #known(zone: string | undefined, slots: readonly Slot[]): string | undefined {
    if (this.#zonesVersion !== this.#version) {
      this.#zonesVersion = this.#version;
      this.#zones.clear();
      for (const { endpoint } of slots) if (endpoint.zone !== undefined) this.#zones.add(endpoint.zone);
      for (const groups of this.#others.values())
        for (const name of groups.keys()) if (name !== undefined && !this.#zones.has(name)) groups.delete(name);
    }
    return zone !== undefined && this.#zones.has(zone) ? zone : undefined;
  }

  #fresh(group: Group, slots: readonly Slot[]): Group {
    if (group.version === this.#version) return group;
    group.version = this.#version;
    rebuildGroup(group, slots, this.#rules);
    return group;
  }
}
