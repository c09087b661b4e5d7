import { cache } from "ashlar/cache";
import type { Clock } from "ashlar/clock";
import { isFailure, type Client } from "ashlar/contract";
import type { HttpRequest } from "ashlar/http";
import { httpGuard, limiter, tokenBucket, type HttpGuard } from "ashlar/limiter";
import { memoryStore } from "ashlar/limiter/memory";
import { accounts, type Plan } from "../contracts/mod.ts";

const secondMs = 1_000;
const perEveryone = { name: "everyone", limit: 5_000, windowMs: secondMs, burst: 10_000, per: "everyone" } as const;
/** Requests a second of one account, by its plan. */
const perSecond: Readonly<Record<Plan, number>> = { free: 20, premium: 200, enterprise: 2_000 };
const accountPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** Limits what customers may ask of the shop: all of them together, and each account, named by `X-Account`, by its plan. Until there is sign-in the header
 *  is believed; an account that nobody knows, or is being looked up, counts as free. One process has one edge, so that its memory is the whole truth. */
export function customerLimits(people: Client<typeof accounts>, clock: Clock): HttpGuard<HttpRequest> {
  const plans = cache<Plan>({ name: "plans", entries: 100_000, ttlMs: 60_000, staleMs: 600_000, clock });
  const rules = (plan: Plan): readonly ReturnType<typeof tokenBucket>[] => [
    tokenBucket({ name: plan, limit: perSecond[plan], windowMs: secondMs, burst: 2 * perSecond[plan] }),
  ];
  const limits = limiter({
    name: "customers",
    rules: [tokenBucket(perEveryone)],
    tiers: { free: rules("free"), premium: rules("premium"), enterprise: rules("enterprise") },
    store: memoryStore({ keysMax: 100_000 }),
    clock,
  });
  const planOf = async (id: string): Promise<Plan | undefined> => {
    try {
      return (await people.get({ id })).plan;
    } catch (error) {
      if (isFailure(error, accounts.calls.get, "noSuchAccount")) return undefined;
      throw error;
    }
  };
  return httpGuard({
    limiter: limits,
    keyOf: (request) => accountOf(request) ?? "guests",
    tierOf(request) {
      const account = accountOf(request);
      if (account === undefined) return undefined;
      const plan = plans.peek(account);
      // For the next request; this one is not held up.
      if (plan === undefined) void plans.get(account, planOf).catch(() => undefined);
      return plan ?? "free";
    },
  });
}

function accountOf({ headers }: HttpRequest): string | undefined {
  const given = headers["x-account"];
  return typeof given === "string" && accountPattern.test(given) ? given : undefined;
}
