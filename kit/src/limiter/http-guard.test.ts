import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import type { Api, HttpReply, HttpRequest } from "../http/mod.ts";
import { FaultyStore } from "./faulty-store.test-world.ts";
import { memoryStore } from "../limiter/memory/mod.ts";
import {
  concurrency,
  fixedWindow,
  guardApi,
  httpGuard,
  leakyBucket,
  legacyRateLimitFields,
  limiter,
  rateLimitFields,
  slidingLog,
  tokenBucket,
} from "./mod.ts";

interface Visit {
  readonly from?: string;
  readonly plan?: "free" | "premium";
}

const keyOf = ({ from }: Visit): string | undefined => from;

test("an answer tells every policy and where the client stands, a refusal also when to come back", async () => {
  const clock = manualClock({ nowMs: Date.UTC(2026, 0, 1, 12) });
  const rules = [
    tokenBucket({ name: "burst", limit: 2, windowMs: 10_000 }),
    fixedWindow({ name: "day", limit: 5, windowMs: 86_400_000 }),
  ];
  const limit = limiter({ name: "api", rules, store: memoryStore({ clock }), clock });
  const guard = httpGuard({ limiter: limit, keyOf, legacyFields: "x-ratelimit", clock });
  const policy = '"burst";q=2;w=10, "day";q=5;w=86400';
  expect(await guard.admit({ from: "ada" })).toMatchObject({
    kind: "admitted",
    headers: {
      "ratelimit-policy": policy,
      ratelimit: '"burst";r=1;t=5, "day";r=4;t=43200',
      "x-ratelimit-limit": "2",
      "x-ratelimit-remaining": "1",
      "x-ratelimit-reset": String(clock.now() / 1_000 + 5),
    },
  });
  await guard.admit({ from: "ada" });
  await clock.advance(600);
  const refused = await guard.admit({ from: "ada" });
  if (refused.kind !== "refused") throw new Error("the third is refused");
  expect(refused.reply).toMatchObject({
    status: 429,
    headers: {
      "content-type": "application/problem+json; charset=utf-8",
      "retry-after": "5",
      "ratelimit-policy": policy,
      ratelimit: '"burst";r=0;t=10, "day";r=3;t=43200',
    },
  });
  expect(JSON.parse(refused.reply.body)).toEqual({
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Called too often",
    status: 429,
    "violated-policies": ["burst"],
  });
});

test("who waits for Retry-After is admitted", async () => {
  const clock = manualClock();
  const limit = limiter({
    name: "api",
    rules: [slidingLog({ limit: 1, windowMs: 1_001 })],
    store: memoryStore({ clock }),
    clock,
  });
  const guard = httpGuard({ limiter: limit, keyOf, clock });
  await guard.admit({ from: "ada" });
  const refused = await guard.admit({ from: "ada" });
  const afterMs = refused.kind === "refused" ? Number(refused.reply.headers["retry-after"]) * 1_000 : 0;
  await clock.advance(afterMs);
  expect((await guard.admit({ from: "ada" })).kind).toBe("admitted");
});

test("fields have whole seconds and the unit of concurrency, and say nothing of what never ends or was not judged", () => {
  const status = { kind: "token-bucket", remaining: 3, resetAfterMs: 1 } as const;
  const limits = [
    { ...status, name: "short", limit: 5, windowMs: 100 },
    { ...status, name: "odd", limit: 5, windowMs: 1_500 },
    { ...status, kind: "concurrency" as const, name: "open", limit: 5, windowMs: 100 },
  ];
  expect(rateLimitFields({ limits, retryAfterMs: Infinity, limitedBy: "odd" })).toEqual({
    "ratelimit-policy": '"short";q=50;w=1, "odd";q=5;w=2, "open";q=5;qu="concurrent-requests"',
    ratelimit: '"short";r=3;t=1, "odd";r=3;t=1, "open";r=3',
  });
  expect(rateLimitFields({ limits: [] })).toEqual({});
  expect(legacyRateLimitFields({ limits: [] }, 0)).toEqual({});
});

test("tiers and costs are those of the request, and a request without a key is not limited", async () => {
  const clock = manualClock();
  const limit = limiter({
    name: "api",
    tiers: {
      free: [tokenBucket({ limit: 2, windowMs: 1_000 })],
      premium: [tokenBucket({ limit: 20, windowMs: 1_000 })],
    },
    store: memoryStore({ clock }),
    clock,
  });
  const guard = httpGuard<Visit, "free" | "premium">({
    limiter: limit,
    keyOf,
    tierOf: ({ plan }) => plan,
    costOf: () => 3,
  });
  const kinds = [];
  for (const visit of [{ from: "a", plan: "free" }, { from: "a", plan: "premium" }, {}] as const)
    kinds.push((await guard.admit(visit)).kind);
  expect(kinds).toEqual(["refused", "admitted", "admitted"]);
});

test("a store that is down is not the client's fault: 503, not 429 to everybody", async () => {
  const clock = manualClock();
  const store = new FaultyStore(clock);
  store.mode = "down";
  const limit = limiter({
    name: "api",
    rules: [tokenBucket({ limit: 1, windowMs: 1 })],
    store,
    storeDown: "closed",
    clock,
  });
  const admission = await httpGuard({ limiter: limit, keyOf }).admit({ from: "ada" });
  if (admission.kind !== "refused") throw new Error("the limiter is closed");
  expect(admission.reply.status).toBe(503);
  expect(admission.reply.headers["retry-after"]).toBe("1");
  expect(admission.reply.body).toContain("temporary-reduced-capacity");
});

test("a spaced call is admitted when it may start, and gives its place back when its client goes away before", async () => {
  const clock = manualClock();
  const rules = [leakyBucket({ limit: 1, windowMs: 1_000, queueMax: 1 })];
  const limit = limiter({ name: "api", rules, store: memoryStore({ clock }), clock });
  const guard = httpGuard({ limiter: limit, keyOf, clock });
  await guard.admit({ from: "ada" });
  const leaving = new AbortController();
  const left = guard.admit({ from: "ada" }, { signal: leaving.signal });
  await clock.settle();
  expect((await guard.admit({ from: "ada" })).kind).toBe("refused");
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  const next = guard.admit({ from: "ada" });
  await clock.advance(999);
  expect(await Promise.race([next, Promise.resolve("waiting")])).toBe("waiting");
  await clock.advance(1);
  expect((await next).kind).toBe("admitted");
  expect(clock.timersPending).toBe(0);
});

const request: HttpRequest = {
  method: "GET",
  url: "/",
  headers: {},
  body: () => Promise.resolve(""),
  signal: new AbortController().signal,
};

function guarded(answer: () => Promise<HttpReply>): Pick<Api, "answer" | "stream"> {
  const clock = manualClock();
  const rules = [concurrency({ limit: 1, leaseMs: 60_000 })];
  const limit = limiter({ name: "api", rules, store: memoryStore({ clock }), clock });
  async function* items(): AsyncIterable<unknown> {
    yield 1;
    yield 2;
  }
  const api: Api = {
    answer,
    isStream: () => true,
    stream: () =>
      Promise.resolve({ items: items(), problem: (error) => ({ status: 500, headers: {}, body: String(error) }) }),
  };
  return guardApi<HttpRequest>(api, httpGuard({ limiter: limit, keyOf: () => "everybody" }));
}

test("an API behind a guard holds a place while it answers, also when it fails, and puts the fields into the answer", async () => {
  const failing = guarded(() => Promise.reject(new Error("broken")));
  await expect(failing.answer(request)).rejects.toThrow("broken");
  await expect(failing.answer(request)).rejects.toThrow("broken");
  const { promise, resolve } = Promise.withResolvers<HttpReply>();
  const slow = guarded(() => promise);
  const first = slow.answer(request);
  await Promise.resolve();
  expect(await slow.answer(request)).toMatchObject({ status: 429 });
  resolve({ status: 200, headers: {}, body: "done" });
  expect(await first).toEqual({
    status: 200,
    headers: { "ratelimit-policy": '"concurrency";q=1;qu="concurrent-requests"', ratelimit: '"concurrency";r=0' },
    body: "done",
  });
  expect((await slow.answer(request)).status).toBe(200);
});

test("a stream holds its place until it ends or is left", async () => {
  const api = guarded(() => Promise.reject(new Error("unused")));
  for (let round = 0; round < 3; round++) {
    const opened = await api.stream(request);
    if (!("items" in opened)) throw new Error("there is room for one");
    for await (const item of opened.items) {
      expect(await api.stream(request)).toMatchObject({ status: 429 });
      if (item === 1 && round === 1) break;
    }
  }
});
