import { telemetryChannel } from "../telemetry/mod.ts";
import { checkedCost, checkedKey, planOf, type TakeSettings, weightOf } from "./ask-of.ts";
import type { Decision, Granted, Refused } from "./decision.ts";
import type { Judged, Judges } from "./guarded-store.ts";
import type { Limiter, TakeOptions } from "./limiter-calls.ts";
import type { Plan } from "./plan.ts";
import type { Standing, TakeCall, Target } from "./store.ts";

const refusals = telemetryChannel("ashlar.limiter.refused");

/** A limiter whose store is asked and waited for. */
export class StoreTakes implements Limiter<string> {
  readonly name: string;
  readonly #settings: TakeSettings;
  readonly #store: Judges;

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
      const { plans, factor, nextId } = this.#settings;
      const plan = planOf(plans, options?.tier);
      const cost = checkedCost(options?.cost ?? 1);
      const targets = plan.targets(checkedKey(key));
      const id = plan.keepsEntries && op === "take" ? nextId() : "";
      const call = { op, targets, cost, weight: weightOf(cost, factor()), id };
      this.#store.ask({ call, resolve: (judged) => resolve(this.#decisionOf(key, { plan, call, judged })), reject });
    });
  }

  #decisionOf(key: string, taken: Taken): Decision {
    const { plan, call, judged } = taken;
    if (judged.verdict.kind === "granted") return new StoreGrant(taken, this.#store);
    const refused = refusalOf(plan, judged);
    if (refusals.active && call.op === "take") {
      const { reason, limitedBy: rule, retryAfterMs } = refused;
      refusals.publish({ limiter: this.name, key, rule, reason, retryAfterMs });
    }
    return refused;
  }
}

const nothing = async (): Promise<void> => undefined;

function refusalOf(plan: Plan, { verdict, by, restMs }: Judged): Refused {
  const { name, waitUs } = plan.longest(verdict.standings);
  const isDown = by === "nobody";
  return {
    allowed: false,
    reason: isDown ? "store-down" : "limit",
    limitedBy: name,
    retryAfterMs: isDown ? restMs : waitUs / 1_000,
    judgedBy: by,
    limits: plan.statuses(verdict.standings),
    [Symbol.asyncDispose]: nothing,
  };
}

interface Taken {
  readonly plan: Plan;
  readonly call: TakeCall;
  readonly judged: Judged;
}

class StoreGrant implements Granted {
  readonly allowed = true;
  readonly #taken: Taken;
  readonly #store: Judges;
  #state: "held" | "leases given back" | "given back";

  constructor(taken: Taken, store: Judges) {
    this.#taken = taken;
    this.#store = store;
    this.#state = taken.call.op === "take" ? "held" : "given back";
  }

  get delayMs(): number {
    return this.#taken.plan.delayMs(this.#standings);
  }

  get judgedBy(): Judged["by"] {
    return this.#taken.judged.by;
  }

  get limits(): Granted["limits"] {
    return this.#taken.plan.statuses(this.#standings);
  }

  async giveBack(): Promise<void> {
    if (this.#state === "given back") return;
    this.#state = "given back";
    await this.#return(this.#taken.call.targets, this.#standings);
  }

  async renew(): Promise<"renewed" | "lost"> {
    const { judged, call } = this.#taken;
    const { targets, id } = call;
    if (this.#state !== "held") return "lost";
    const answer = await this.#store.askAgain(judged.by, { op: "renew", targets, id });
    return answer.by === judged.by && answer.verdict.kind === "granted" ? "renewed" : "lost";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "held" || !this.#taken.plan.hasLeases) return;
    this.#state = "leases given back";
    const isLease = ({ placed }: Target): boolean => placed.rule.kind === "concurrency";
    const { targets } = this.#taken.call;
    const receipts = this.#standings.filter((_, index) => targets.slice(index, index + 1).some(isLease));
    await this.#return(targets.filter(isLease), receipts);
  }

  get #standings(): readonly Standing[] {
    return this.#taken.judged.verdict.standings;
  }

  async #return(targets: readonly Target[], receipts: readonly Standing[]): Promise<void> {
    const { by } = this.#taken.judged;
    if (receipts.length > 0) await this.#store.askAgain(by, { op: "give-back", targets, receipts });
  }
}
