import { blankDraw, type Draw, keyed } from "./draw.ts";
import { Ejector } from "./ejector.ts";
import { checkEndpoints, type Endpoint } from "./endpoint.ts";
import { Groups } from "./groups.ts";
import { type Group, isIn } from "./group.ts";
import { decayLatency, observeLatency, type Outcome } from "./latency.ts";
import { setShares } from "./load-report.ts";
import { type BalancerOptions, type BalancerRules, resolveOptions } from "./options.ts";
import { type NotPicked, notPicked, OpenPick, type Picked, type PickEnd } from "./picked.ts";
import { type BalancerReport, reportOf } from "./report.ts";
import { Selection } from "./selection.ts";
import { beginWarmth } from "./slow-start.ts";
import { type Health, isTrusted, isUp, type Slot, slotOf } from "./slot.ts";
import { telemetryChannel } from "../telemetry/mod.ts";

const healthChanged = telemetryChannel("ashlar.balancer.health");

/** What may steer one pick. */
export interface PickRequest {
  /** What hashing and stickiness go by: a session, a customer, an address (see `ipKey`). Without one they choose by chance. */
  readonly key?: string | undefined;
  /** Instead of the balancer's zone. One that no endpoint stands in is no preference. */
  readonly zone?: string | undefined;
  /** A subset of the balancer's options. */
  readonly subset?: string | undefined;
  /** Ids not to pick: those that an earlier attempt of the same call went to. */
  readonly except?: readonly string[] | undefined;
  /** The id to pick as long as it is available or draining, whatever the algorithm: what a cookie remembers. */
  readonly prefer?: string | undefined;
  /** A reading of the balancer's `clock.monotonic()` that the caller has taken anyway; saves taking another. */
  readonly nowMs?: number | undefined;
}

export type { Balancer };

/**
 * A set of endpoints and a rule to choose among them. It does no input and output and sets no timer: discovery feeds `update`,
 * checks feed `mark`, the ends of calls come through `done`, and what is due with time is done by the next pick.
 * Throws {@link ConfigError} for options out of range.
 */
export function balancer(options: BalancerOptions = {}): Balancer {
  return new Balancer(resolveOptions(options));
}

/** Chooses endpoints for calls. Made by {@link balancer}. */
class Balancer implements PickEnd {
  readonly #rules: BalancerRules;
  readonly #selection: Selection;
  readonly #ejector: Ejector;
  readonly #groups: Groups;
  readonly #byId = new Map<string, Slot>();
  readonly #watchers = new Set<() => void>();
  readonly #draw: Draw = blankDraw();
  readonly #decayMs: number;
  #slots: readonly Slot[] = [];
  #inFlight = 0;

  constructor(rules: BalancerRules) {
    const nowMs = rules.clock.monotonic();
    this.#rules = rules;
    this.#selection = new Selection(rules.algorithm, rules.random);
    this.#decayMs = rules.algorithm.kind === "peak-ewma" ? rules.algorithm.decayMs : 10_000;
    this.#groups = new Groups(rules, nowMs);
    const onChange = (slot: Slot, change: "ejected" | "returned", atMs: number): void => {
      if (change === "returned") beginWarmth(slot, atMs, rules.slowStartMs);
      this.#groups.changed();
    };
    const slots = (): readonly Slot[] => this.#slots;
    this.#ejector = new Ejector({ rules: rules.ejection, balancer: rules.name, slots, onChange }, nowMs);
  }

  /**
   * Takes the whole list as the set from now on; those that are not in it are gone, and what still runs there changes nothing
   * any more. Known endpoints keep what is known of them; the same id at another address is a new one. New ones start slowly,
   * unless the set was empty. Throws ConfigError for a faulty list (see {@link Endpoint}), which then changes nothing. O(n log n).
   */
  update(endpoints: readonly Endpoint[]): void {
    checkEndpoints(endpoints);
    const nowMs = this.#rules.clock.monotonic();
    const isFirst = this.#slots.length === 0;
    const expectedMs = leastLatency(this.#slots);
    const slots = endpoints.map((endpoint) => {
      const known = this.#byId.get(endpoint.id);
      if (known !== undefined && known.endpoint.address === endpoint.address) return reportedAgain(known, endpoint);
      const slot = slotOf(endpoint, nowMs);
      slot.ewmaMs = expectedMs;
      if (!isFirst) beginWarmth(slot, nowMs, this.#rules.slowStartMs);
      return slot;
    });
    this.#replace(slots);
    for (const watcher of this.#watchers) watcher();
  }

  /** Chooses an endpoint, or says why there is none. O(1), or O(n) as the algorithm says; O(n) after a change of the set. */
  pick(request?: PickRequest): Picked | NotPicked {
    const nowMs = request?.nowMs ?? this.#rules.clock.monotonic();
    if (nowMs >= this.#ejector.dueMs) this.#ejector.run(nowMs);
    const draw = this.#draw;
    draw.nowMs = nowMs;
    draw.inFlight = this.#inFlight;
    draw.skipped = undefined;
    if (request === undefined) {
      draw.key = undefined;
      return this.#pickIn(this.#groups.main(this.#slots), nowMs);
    }
    keyed(draw, request.key);
    draw.skipped = this.#slotsOf(request.except);
    const group = this.#groups.of(request, this.#slots);
    if (group === undefined) return notPicked("unknown-subset");
    const slot = this.#bound(request, group);
    if (slot !== undefined) return this.#take(slot, nowMs);
    return this.#pickIn(group, nowMs);
  }

  /** What active checks say. An endpoint that is not in the set is ignored; one that becomes healthy starts slowly. */
  mark(id: string, health: Health): void {
    const slot = this.#byId.get(id);
    if (slot === undefined || slot.health === health) return;
    const wasTrusted = isTrusted(slot);
    slot.health = health;
    const isBack = !wasTrusted && isTrusted(slot);
    if (isBack) beginWarmth(slot, this.#rules.clock.monotonic(), this.#rules.slowStartMs);
    this.#groups.changed();
    if (healthChanged.active) healthChanged.publish({ balancer: this.#rules.name, endpoint: id, health });
  }

  /** The set as it was last given, by id. */
  endpoints(): readonly Endpoint[] {
    return this.#slots.map(({ endpoint }) => endpoint);
  }

  /** Calls `watcher` after every update, in its stack, until disposed. What it throws, the update throws. */
  watch(watcher: () => void): Disposable {
    const own = (): void => watcher();
    this.#watchers.add(own);
    return { [Symbol.dispose]: () => void this.#watchers.delete(own) };
  }

  /** Everything that is known now. O(n). */
  describe(): BalancerReport {
    const nowMs = this.#rules.clock.monotonic();
    if (nowMs >= this.#ejector.dueMs) this.#ejector.run(nowMs);
    for (const slot of this.#slots) decayLatency(slot, nowMs, this.#decayMs);
    const { name, algorithm, clock } = this.#rules;
    const keys = this.#selection.bindings?.size;
    const head = { name, algorithm: algorithm.kind, inFlight: this.#inFlight, keys };
    const group = this.#groups.main(this.#slots);
    return reportOf(head, { group, slots: this.#slots }, { nowMs, wallMs: clock.now() });
  }

  /** @internal Called by a pick, once. */
  end({ slot, startedAtMs }: OpenPick, outcome: Outcome, readMs: number | undefined): void {
    slot.inFlight--;
    if (!slot.isPresent) return; // it began on an endpoint that has left since
    this.#inFlight--;
    const nowMs = readMs ?? this.#rules.clock.monotonic();
    const tookMs = Math.max(0, nowMs - startedAtMs);
    decayLatency(slot, nowMs, this.#decayMs);
    observeLatency(slot, tookMs, outcome);
    if (outcome === "cancelled") return;
    slot.ended++;
    if (outcome === "ok") {
      slot.endedMs += tookMs;
      slot.failedInRow = 0;
      return;
    }
    slot.failed++;
    slot.failedInRow++;
    this.#ejector.onError(slot, nowMs);
  }

  #pickIn(group: Group, nowMs: number): Picked | NotPicked {
    if (group.reason !== undefined) {
      if (group.subset?.otherwise === "all") return this.#pickIn(this.#groups.whole(group, this.#slots), nowMs);
      return notPicked(group.reason);
    }
    const slot = this.#selection.choose(group, this.#draw);
    if (slot === undefined) return notPicked("excluded");
    const { key, skipped } = this.#draw;
    // A second attempt elsewhere is no reason to move the key.
    if (key !== undefined && skipped === undefined) this.#selection.bindings?.bind(key, slot.endpoint.id, nowMs);
    return this.#take(slot, nowMs);
  }

  /** The endpoint that the request itself or the memory of its key names, while it may serve it. */
  #bound({ prefer }: PickRequest, group: Group): Slot | undefined {
    const { key, nowMs, skipped } = this.#draw;
    const preferred = prefer === undefined ? undefined : this.#byId.get(prefer);
    if (preferred !== undefined && mayServe(preferred, group) && !skipped?.includes(preferred)) return preferred;
    if (key === undefined || this.#selection.bindings === undefined) return undefined;
    const slot = this.#byId.get(this.#selection.bindings.idOf(key, nowMs) ?? "");
    return slot !== undefined && mayServe(slot, group) && !skipped?.includes(slot) ? slot : undefined;
  }

  #take(slot: Slot, nowMs: number): Picked {
    slot.inFlight++;
    slot.picks++;
    this.#inFlight++;
    return new OpenPick(slot, nowMs, this);
  }

  #slotsOf(ids: readonly string[] | undefined): Slot[] | undefined {
    if (ids === undefined || ids.length === 0) return undefined;
    return ids.flatMap((id) => this.#byId.get(id) ?? []);
  }

  #replace(slots: readonly Slot[]): void {
    const kept = new Set(slots);
    for (const slot of this.#slots) {
      if (kept.has(slot)) continue;
      slot.isPresent = false;
      this.#inFlight -= slot.inFlight;
    }
    this.#slots = slots.toSorted((left, right) => (left.endpoint.id < right.endpoint.id ? -1 : 1));
    this.#byId.clear();
    for (const slot of this.#slots) this.#byId.set(slot.endpoint.id, slot);
    setShares(this.#slots);
    this.#groups.changed();
  }
}

function reportedAgain(slot: Slot, endpoint: Endpoint): Slot {
  slot.endpoint = endpoint;
  slot.weight = endpoint.weight ?? 1;
  return slot;
}

/** What a newcomer is expected to take, until it has answered: as little as any, for whoever is never tried never shows better.
 *  Of two choices it gets at most twice its part by that, and a slower first answer counts at once. */
function leastLatency(slots: readonly Slot[]): number {
  return slots.reduce((least, slot) => Math.min(least, slot.ewmaMs), slots[0]?.ewmaMs ?? 0);
}

/** Draining ends with the calls of the keys that are bound to it. */
function mayServe(slot: Slot, group: Group): boolean {
  if (!isIn(slot, group.subset) || slot.endpoint.state === "down") return false;
  return isTrusted(slot) || (group.isPanic && isUp(slot));
}
