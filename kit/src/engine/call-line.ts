import { gate, type Gate } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { deque, type Deque } from "../collections/mod.ts";
import { StorageError } from "./errors.ts";
import { groupMax } from "./limits.ts";

/** A call in its line, and who waits for it. */
export interface WaitingCall<C> {
  readonly call: C;
  readonly settled: Gate<void>;
}

/** How a line is worked off. */
export interface LinePlan<C> {
  /** Whose turns those calls share that come in one. */
  readonly clock: Clock;
  readonly waitingMax: number;
  /** Groups under way at a time. The second is given to `carryOut` while the first is not done; to keep their order is up to that. */
  readonly groupsMax: 1 | 2;
  /** Begins a group. Says of each call in turn whether it goes with those before it; the first one goes in any case. */
  readonly portion: () => (call: C) => boolean;
  /** Settles each call of the group; never rejects. `away`: the server was away for as long as any call waits for it. */
  readonly carryOut: (group: readonly WaitingCall<C>[]) => Promise<"done" | "away">;
}

// Fewer calls than that are not worth a second group.
const sharedFrom = 16;

interface UnderWay {
  readonly size: number;
  readonly done: Promise<"done" | "away">;
}

/** Calls that wait for a server, in their order, one or two groups of them under way at a time: all that comes meanwhile shares the next ones. */
export class CallLine<C> {
  readonly #plan: LinePlan<C>;
  readonly #waiting: Deque<WaitingCall<C>> = deque();
  #running: Promise<void> | undefined;
  #arrival: Gate<void> | undefined;

  constructor(plan: LinePlan<C>) {
    this.#plan = plan;
  }

  /** Resolves once the call was carried out; rejects with what it was settled with, or with StorageError `busy`. */
  submit(call: C): Promise<void> {
    const { waitingMax } = this.#plan;
    if (this.#waiting.size >= waitingMax)
      return Promise.reject(new StorageError("busy", `${waitingMax} calls are waiting for the engine`));
    const settled = gate();
    this.#waiting.pushBack({ call, settled });
    this.#arrival?.open();
    this.#running ??= this.#run();
    return settled.promise;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    let latest = Number.POSITIVE_INFINITY;
    const underWay: UnderWay[] = [];
    for (;;) {
      // Others of this turn come along. Behind a group, those that its answers make call again, when they are more than wait already: else few
      // and many would take turns for ever, and each of the many would wait for the few.
      if (this.#waiting.size < latest) await new Promise<void>((resolve) => this.#plan.clock.nextTurn(resolve));
      const [oldest] = underWay;
      if (this.#waiting.size === 0) {
        if (oldest === undefined) break;
        latest = Number.POSITIVE_INFINITY;
        if ((await Promise.race([oldest.done, this.#nextArrival()])) !== undefined) await this.#end(underWay);
        continue;
      }
      const group = this.#nextGroup(this.#share(oldest?.size ?? 0));
      latest = group.length;
      underWay.push({ size: group.length, done: this.#plan.carryOut(group) });
      if (underWay.length === this.#plan.groupsMax) await this.#end(underWay);
    }
    this.#running = undefined;
  }

  #nextArrival(): Promise<void> {
    this.#arrival = gate();
    return this.#arrival.promise;
  }

  /** Waits for the oldest group. */
  async #end(underWay: UnderWay[]): Promise<void> {
    if ((await underWay.shift()?.done) === "away") this.#refuseWaiting();
  }

  /** How many go at most. Where two groups may be under way they are to be equal: one is with the server while the callers of the other are here. */
  #share(underWay: number): number {
    const all = underWay + this.#waiting.size;
    return this.#plan.groupsMax === 1 || all < sharedFrom ? groupMax : Math.min(groupMax, Math.ceil(all / 2));
  }

  #nextGroup(sizeMax: number): readonly WaitingCall<C>[] {
    const group: WaitingCall<C>[] = [];
    const fits = this.#plan.portion();
    for (let next = this.#waiting.peekFront(); next !== undefined; next = this.#waiting.peekFront()) {
      if ((!fits(next.call) && group.length > 0) || group.length === sizeMax) break;
      group.push(next);
      this.#waiting.popFront();
    }
    return group;
  }

  /** Whoever waits behind a group that has waited for as long as anybody may does not wait as long again. */
  #refuseWaiting(): void {
    for (let next = this.#waiting.popFront(); next !== undefined; next = this.#waiting.popFront())
      next.settled.fail(new StorageError("busy", "the server is away for longer than a call waits for it"));
  }
}
