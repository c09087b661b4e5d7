import type { Ask, Receipt } from "./algorithm.ts";
import type { GrantedNow, LimitStatus, RefusedNow } from "./decision.ts";
import type { Plan } from "./plan.ts";
import type { NowStore, Target } from "./store.ts";

/** What decisions of one plan share. */
export interface Desk {
  readonly store: NowStore;
  readonly plan: Plan;
}

const look: Ask = { cost: 1, weight: 1, id: "" };

/** How the rules stand for a key. */
export function statusesNow({ store, plan }: Desk, key: string): readonly LimitStatus[] {
  return plan.statuses(store.decideNow({ op: "peek", targets: plan.targets(key), ...look }).standings);
}

/** Gives back what a take under one rule that keeps numbers has taken. */
export function giveBackOne({ store, plan }: Desk, key: string, receipt: Receipt): void {
  store.decideNow({ op: "give-back", targets: plan.targets(key), receipts: [receipt] });
}

/** A grant under any rules. */
export class NowGrant implements GrantedNow {
  readonly allowed = true;
  readonly delayMs: number;
  readonly #desk: Desk;
  readonly #key: string;
  readonly #receipts: readonly Receipt[];
  #state: "held" | "leases given back" | "given back" = "held";

  constructor(desk: Desk, key: string, granted: { readonly receipts: readonly Receipt[]; readonly delayMs: number }) {
    this.#desk = desk;
    this.#key = key;
    this.#receipts = granted.receipts;
    this.delayMs = granted.delayMs;
  }

  get limits(): readonly LimitStatus[] {
    return statusesNow(this.#desk, this.#key);
  }

  giveBack(): void {
    if (this.#state !== "given back") this.#return(() => true);
    this.#state = "given back";
  }

  renew(): "renewed" | "lost" {
    const { store, plan } = this.#desk;
    const id = this.#receipts[0]?.id ?? "";
    if (this.#state !== "held") return "lost";
    const { kind } = store.decideNow({ op: "renew", targets: plan.targets(this.#key), id });
    return kind === "granted" ? "renewed" : "lost";
  }

  [Symbol.dispose](): void {
    if (this.#state !== "held" || !this.#desk.plan.hasLeases) return;
    this.#return(({ placed }) => placed.rule.kind === "concurrency");
    this.#state = "leases given back";
  }

  #return(isMeant: (target: Target) => boolean): void {
    const { store, plan } = this.#desk;
    const targets = plan.targets(this.#key);
    const receipts = this.#receipts.filter((_, index) => targets.slice(index, index + 1).some(isMeant));
    store.decideNow({ op: "give-back", targets: targets.filter(isMeant), receipts });
  }
}

/** A grant under one rule that keeps numbers, in one object. */
export class FastGrant implements GrantedNow, Receipt {
  readonly allowed = true;
  readonly atUs: number;
  weight = 1;
  level = 0;
  shift = 0;
  readonly #desk: Desk;
  readonly #key: string;
  #state: "held" | "given back" = "held";

  constructor(desk: Desk, key: string, atUs: number) {
    this.#desk = desk;
    this.#key = key;
    this.atUs = atUs;
  }

  // Not fields: what is the same for all need not be in each.
  get delayMs(): number {
    return 0;
  }

  get id(): string {
    return "";
  }

  get cost(): number {
    return this.weight;
  }

  get limits(): readonly LimitStatus[] {
    return statusesNow(this.#desk, this.#key);
  }

  giveBack(): void {
    if (this.#state === "given back") return;
    this.#state = "given back";
    giveBackOne(this.#desk, this.#key, this);
  }

  /** There is no lease that could be lost. */
  renew(): "renewed" | "lost" {
    return this.#state === "held" ? "renewed" : "lost";
  }

  [Symbol.dispose](): void {}
}

/** Why not, and until when. */
export class NowRefusal implements RefusedNow {
  readonly allowed = false;
  readonly reason = "limit";
  readonly limitedBy: string;
  readonly retryAfterMs: number;
  readonly #desk: Desk;
  readonly #key: string;

  constructor(desk: Desk, key: string, refused: { readonly name: string; readonly waitUs: number }) {
    this.#desk = desk;
    this.#key = key;
    this.limitedBy = refused.name;
    this.retryAfterMs = refused.waitUs / 1_000;
  }

  get limits(): readonly LimitStatus[] {
    return statusesNow(this.#desk, this.#key);
  }

  [Symbol.dispose](): void {}
}
