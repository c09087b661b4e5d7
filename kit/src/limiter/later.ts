import type { Receipt } from "./algorithm.ts";
import type { Decision, Granted, GrantedNow, LimitStatus, NowDecision, Refused, RefusedNow } from "./decision.ts";
import { type Desk, giveBackOne, statusesNow } from "./now-grant.ts";

/** A decision that was made at once, for callers who wait for decisions. */
export function laterOf(decision: NowDecision): Decision {
  return decision.allowed ? new LaterGrant(decision) : new LaterRefusal(decision);
}

class LaterRefusal implements Refused {
  readonly allowed = false;
  readonly reason = "limit";
  readonly judgedBy = "store";
  readonly limitedBy: string;
  readonly retryAfterMs: number;
  readonly #refusal: RefusedNow;

  constructor(refusal: RefusedNow) {
    this.#refusal = refusal;
    this.limitedBy = refusal.limitedBy;
    this.retryAfterMs = refusal.retryAfterMs;
  }

  get limits(): readonly LimitStatus[] {
    return this.#refusal.limits;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** `FastGrant` for callers who wait: itself, not around one, since a second object would cost as much as the rest of a take. */
export class LaterFastGrant implements Granted, Receipt {
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

  // Not fields, as in `FastGrant`.
  get judgedBy(): "store" {
    return "store";
  }

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

  async giveBack(): Promise<void> {
    if (this.#state === "given back") return;
    this.#state = "given back";
    giveBackOne(this.#desk, this.#key, this);
  }

  async renew(): Promise<"renewed" | "lost"> {
    return this.#state === "held" ? "renewed" : "lost";
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class LaterGrant implements Granted {
  readonly allowed = true;
  readonly judgedBy = "store";
  readonly #grant: GrantedNow;

  constructor(grant: GrantedNow) {
    this.#grant = grant;
  }

  get delayMs(): number {
    return this.#grant.delayMs;
  }

  get limits(): readonly LimitStatus[] {
    return this.#grant.limits;
  }

  async giveBack(): Promise<void> {
    this.#grant.giveBack();
  }

  async renew(): Promise<"renewed" | "lost"> {
    return this.#grant.renew();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#grant[Symbol.dispose]();
  }
}
