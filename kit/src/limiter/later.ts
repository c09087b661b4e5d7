import type { Decision, Granted, GrantedNow, LimitStatus, NowDecision, Refused, RefusedNow } from "./decision.ts";

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
