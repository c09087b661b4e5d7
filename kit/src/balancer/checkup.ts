import { abortable, linkSignals, signalAfter } from "../abort/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { DisposedError, TimeoutError } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import type { CheckGate } from "./check-gate.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Health } from "./slot.ts";

/** Options of the checks, in range. */
export interface CheckRules {
  readonly check: (endpoint: Endpoint, context: { readonly signal: AbortSignal }) => Promise<unknown>;
  readonly mark: (id: string, health: Health) => void;
  readonly intervalMs: number;
  readonly jitterRatio: number;
  readonly timeoutMs: number;
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
  readonly start: "healthy" | "unhealthy";
  readonly gate: CheckGate;
  readonly clock: Clock;
  readonly random: Random;
}

/** What the checks of one endpoint have shown so far. */
interface CheckState {
  readonly health: "healthy" | "unhealthy";
  /** Checks in a row that spoke against `health`. */
  readonly against: number;
  readonly isFirst: boolean;
}

/** Needs so many in a row to change, but one when the very first check of an endpoint that starts unhealthy passes. */
function afterCheck(state: CheckState, shown: CheckState["health"], rules: CheckRules): CheckState {
  if (shown === state.health) return { ...state, against: 0, isFirst: false };
  const needed = shown === "unhealthy" ? rules.unhealthyAfter : state.isFirst ? 1 : rules.healthyAfter;
  const against = state.against + 1;
  if (against < needed) return { ...state, against, isFirst: false };
  return { health: shown, against: 0, isFirst: false };
}

/** Checks one endpoint until stopped. */
export class Checkup {
  endpoint: Endpoint;
  readonly #rules: CheckRules;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  #state: CheckState;
  /** A check that went on after its signal. */
  #overdue: Promise<unknown> | undefined;

  constructor(endpoint: Endpoint, rules: CheckRules) {
    this.endpoint = endpoint;
    this.#rules = rules;
    this.#state = { health: rules.start, against: 0, isFirst: true };
    if (rules.start === "unhealthy") rules.mark(endpoint.id, "unhealthy");
    this.#loop = this.#run();
  }

  /** Resolves when no check of it is waited for any more. Marks nothing from now on. */
  stop(): Promise<void> {
    this.#stop.abort(new DisposedError("health checks"));
    return this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, random, intervalMs, jitterRatio } = this.#rules;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const shown = await this.#show();
      if (signal.aborted) return;
      this.#judge(shown);
      const spread = 1 + jitterRatio * (2 * random.next() - 1);
      await clock.sleep(intervalMs * spread, { signal }).catch(() => undefined); // only a stop ends it early
    }
  }

  #judge(shown: CheckState["health"]): void {
    const before = this.#state;
    this.#state = afterCheck(before, shown, this.#rules);
    if (this.#state.health !== before.health || before.isFirst) this.#rules.mark(this.endpoint.id, this.#state.health);
  }

  async #show(): Promise<CheckState["health"]> {
    if (this.#overdue !== undefined) return "unhealthy";
    const { gate } = this.#rules;
    await gate.enter();
    try {
      if (!this.#stop.signal.aborted) await this.#checkOnce();
      return "healthy";
    } catch {
      return "unhealthy"; // whatever it rejects with, it did not pass
    } finally {
      gate.leave();
    }
  }

  async #checkOnce(): Promise<void> {
    const { check, clock, timeoutMs } = this.#rules;
    using late = signalAfter(clock, timeoutMs, () => new TimeoutError(`check of ${this.endpoint.id}`, timeoutMs));
    using linked = linkSignals([this.#stop.signal, late.signal]);
    const work = check(this.endpoint, { signal: linked.signal });
    this.#overdue = work;
    const settled = (): void => void (this.#overdue = undefined);
    work.then(settled, settled);
    await abortable(work, linked.signal);
  }
}
