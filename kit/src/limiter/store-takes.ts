import { telemetryChannel } from "../telemetry/mod.ts";
import { checkedCost, checkedKey, planOf, type TakeSettings, weightOf } from "./ask-of.ts";
import type { Decision, Granted, JudgedBy, Refused } from "./decision.ts";
import type { Asking, Judged, Judges } from "./guarded-store.ts";
import type { Limiter, TakeOptions } from "./limiter-calls.ts";
import type { Plan } from "./plan.ts";
import type { Standing, TakeCall, Target, Verdict } from "./store.ts";

const refusals = telemetryChannel("ashlar.limiter.refused");

/** A limiter whose store is asked and waited for. */
export class StoreTakes implements Limiter<string> {
  readonly name: string;
  readonly #settings: TakeSettings;
  readonly #store: Judges;
  /** Equal calls behind one another are one: most of a burst are, and all of them are held until the store has answered. */
  #last: Asked | undefined;

  constructor(store: Judges, settings: TakeSettings) {
    this.name = settings.name;
    this.#settings = settings;
    this.#store = store;
  }

  take(key: string, options?: TakeOptions<string>): Promise<Decision> {
    return this.#decide("take", key, options);
  }

  peek(key: string, options?: TakeOptions<string>): Promise<Decision> {
    return this.#decide("peek", key, options);
  }

  #decide(op: "take" | "peek", key: string, options: TakeOptions<string> | undefined): Promise<Decision> {
    return new Promise((resolve, reject) => {
      this.#store.ask(new AskedTake(this.#asked(op, key, options), resolve, reject));
    });
  }

  #asked(op: "take" | "peek", key: string, options: TakeOptions<string> | undefined): Asked {
    const { plans, factor, nextId } = this.#settings;
    const last = this.#last;
    const plan = planOf(plans, options?.tier);
    const cost = checkedCost(options?.cost ?? 1);
    const weight = weightOf(cost, factor());
    const id = plan.keepsEntries && op === "take" ? nextId() : "";
    if (last?.key === key && last.plan === plan && last.call.op === op) {
      const { call } = last;
      if (call.cost === cost && call.weight === weight && call.id === id) return last;
    }
    const call = { op, targets: plan.targets(checkedKey(key)), cost, weight, id };
    const asked = { limiter: this.name, store: this.#store, plan, key, call };
    this.#last = asked;
    return asked;
  }
}

const nothing = async (): Promise<void> => undefined;

interface Asked {
  readonly limiter: string;
  readonly store: Judges;
  readonly plan: Plan;
  readonly key: string;
  readonly call: TakeCall;
}

/** One caller who waits. */
class AskedTake implements Asking {
  readonly call: TakeCall;
  readonly reject: (error: unknown) => void;
  readonly #asked: Asked;
  readonly #resolve: (decision: Decision) => void;

  constructor(asked: Asked, resolve: (decision: Decision) => void, reject: (error: unknown) => void) {
    this.call = asked.call;
    this.reject = reject;
    this.#asked = asked;
    this.#resolve = resolve;
  }

  tell(by: JudgedBy, verdict: Verdict, restMs: number): void {
    const asked = this.#asked;
    const isGranted = verdict.kind === "granted";
    this.#resolve(isGranted ? new StoreGrant(asked, by, verdict.standings) : refusalOf(asked, { by, verdict, restMs }));
  }
}

interface Refusal extends Judged {
  readonly restMs: number;
}

function refusalOf({ limiter, plan, key, call }: Asked, { by, verdict, restMs }: Refusal): Refused {
  const { name: limitedBy, waitUs } = plan.longest(verdict.standings);
  const isDown = by === "nobody";
  const reason = isDown ? "store-down" : "limit";
  const retryAfterMs = isDown ? restMs : waitUs / 1_000;
  if (refusals.active && call.op === "take") refusals.publish({ limiter, key, rule: limitedBy, reason, retryAfterMs });
  const limits = plan.statuses(verdict.standings);
  return { allowed: false, reason, limitedBy, retryAfterMs, judgedBy: by, limits, [Symbol.asyncDispose]: nothing };
}

class StoreGrant implements Granted {
  readonly allowed = true;
  readonly judgedBy: JudgedBy;
  readonly #asked: Asked;
  readonly #standings: readonly Standing[];
  #state: "held" | "leases given back" | "given back";

  constructor(asked: Asked, by: JudgedBy, standings: readonly Standing[]) {
    this.judgedBy = by;
    this.#asked = asked;
    this.#standings = standings;
    this.#state = asked.call.op === "take" ? "held" : "given back";
  }

  get delayMs(): number {
    return this.#asked.plan.delayMs(this.#standings);
  }

  get limits(): Granted["limits"] {
    return this.#asked.plan.statuses(this.#standings);
  }

  async giveBack(): Promise<void> {
    if (this.#state === "given back") return;
    this.#state = "given back";
    await this.#return(this.#asked.call.targets, this.#standings);
  }

  async renew(): Promise<"renewed" | "lost"> {
    const { store, call } = this.#asked;
    const { targets, id } = call;
    if (this.#state !== "held") return "lost";
    const answer = await store.askAgain(this.judgedBy, { op: "renew", targets, id });
    return answer.by === this.judgedBy && answer.verdict.kind === "granted" ? "renewed" : "lost";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "held" || !this.#asked.plan.hasLeases) return;
    this.#state = "leases given back";
    const isLease = ({ placed }: Target): boolean => placed.rule.kind === "concurrency";
    const { targets } = this.#asked.call;
    const receipts = this.#standings.filter((_, index) => targets.slice(index, index + 1).some(isLease));
    await this.#return(targets.filter(isLease), receipts);
  }

  async #return(targets: readonly Target[], receipts: readonly Standing[]): Promise<void> {
    if (receipts.length > 0) await this.#asked.store.askAgain(this.judgedBy, { op: "give-back", targets, receipts });
  }
}
