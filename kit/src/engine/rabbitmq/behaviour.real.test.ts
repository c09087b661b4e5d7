import { beforeEach, expect, test } from "vitest";
import { manualClock, systemClock } from "../../clock/mod.ts";
import { isRetryable } from "../../errors/mod.ts";
import { openAmqp } from "../../drivers/amqp/mod.ts";
import { brokerUrl, cuttingProxy, needsBroker } from "../../drivers/amqp/server.test-amqp.ts";
import type { ClaimRequest, MessageEngine } from "../engine.ts";
import type { Claim, NewMessage, Settlement } from "../message.ts";
import { openFreshEngine } from "./engine.test-rabbit.ts";
import { openRabbitEngine, type RabbitEngine } from "./mod.ts";
import { namesOf } from "./names.ts";

beforeEach(needsBroker);

const queue = "jobs";

async function add(engine: MessageEngine, ...messages: readonly (string | NewMessage)[]): Promise<readonly string[]> {
  const list = messages.map((message) => (typeof message === "string" ? { body: message } : message));
  const result = await engine.commit([{ op: "enqueue", queue, messages: list }]);
  const [outcome] = result.committed ? result.outcomes : [];
  return outcome?.op === "enqueue" ? outcome.messages.map(({ id }) => id) : expect.unreachable("it was refused");
}

async function take(engine: MessageEngine, count = 9, options: Partial<ClaimRequest> = {}): Promise<readonly Claim[]> {
  return (await engine.claim({ queue, count, leaseMs: 30_000, ...options })).claims;
}

async function settle(engine: MessageEngine, claim: Claim | undefined, as: Settlement): Promise<boolean> {
  if (claim === undefined) return expect.unreachable("there is a claim");
  return (await engine.commit([{ op: "settle", receipt: claim.receipt, as }])).committed;
}

/** Until nothing has come for a while. */
async function takeAll(engine: MessageEngine): Promise<readonly Claim[]> {
  const all: Claim[] = [];
  for (let quietMs = 0; quietMs < 500; quietMs += 10) {
    const claims = await take(engine, 1_000);
    all.push(...claims);
    if (claims.length > 0) quietMs = 0;
    await systemClock.sleep(10);
  }
  return all;
}

const bodies = (claims: readonly Claim[]): readonly string[] => claims.map(({ body }) => body);
const ack = { kind: "ack" } as const;

async function takeWithin(engine: MessageEngine, withinMs: number, options?: Partial<ClaimRequest>): Promise<Claim> {
  const untilMs = systemClock.monotonic() + withinMs;
  while (systemClock.monotonic() < untilMs) {
    // A worker asks again, too, when a connection was lost.
    const [claim] = await take(engine, 1, options).catch((error: unknown) =>
      isRetryable(error) ? [] : Promise.reject(error),
    );
    if (claim !== undefined) return claim;
    await systemClock.sleep(10);
  }
  return expect.unreachable(`nothing is claimable within ${withinMs} ms`);
}

test("a delayed message comes when its time is over, rounded up to the next 100 ms, and rings the bell", async () => {
  await using engine = await openFreshEngine([queue]);
  await take(engine);
  let rings = 0;
  using _bell = engine.bell([`queue:${queue}`], () => void rings++);
  await add(engine, { body: "1.3 s", delayMs: 1_210 });
  const startedMs = systemClock.monotonic();
  await add(engine, { body: "0.4 s", dueAtMs: engine.clock.now() + 400 });
  rings = 0;
  expect(bodies([await takeWithin(engine, 2_000)])).toEqual(["0.4 s"]);
  expect(systemClock.monotonic() - startedMs).toBeGreaterThan(350);
  expect(bodies([await takeWithin(engine, 3_000)])).toEqual(["1.3 s"]);
  expect(systemClock.monotonic() - startedMs).toBeGreaterThan(1_200);
  expect(rings).toBeGreaterThan(0);
});

test("a retried message comes back after its delay with its attempt counted and its failure kept; a parked one with neither", async () => {
  await using engine = await openFreshEngine([queue]);
  const [id] = await add(engine, { body: "a", headers: { trace: "t" } });
  const [first] = await take(engine);
  await settle(engine, first, { kind: "retry", delayMs: 200, failure: "no route" });
  expect(await take(engine)).toEqual([]);
  const second = await takeWithin(engine, 2_000);
  expect(second).toMatchObject({ body: "a", headers: { trace: "t" }, attempt: 2, crashes: 0, failures: ["no route"] });
  expect(second.receipt.id).toBe(id);
  expect(second.receipt.token).toBeGreaterThan(first?.receipt.token ?? 0);
  await settle(engine, second, { kind: "park", delayMs: 100 });
  expect(await takeWithin(engine, 2_000)).toMatchObject({ attempt: 2, failures: ["no route"] });
});

test("dead letters are counted, keep why they died, and are redriven with fresh attempts", async () => {
  await using engine = await openFreshEngine([queue]);
  await add(engine, "a", "b");
  for (const claim of await take(engine)) await settle(engine, claim, { kind: "dead", reason: "no use", failure: "f" });
  expect(await engine.counts(queue)).toEqual({ ready: 0, dead: 2 });
  await using broker = await openAmqp({ url: brokerUrl });
  const dead = namesOf(engine.prefix).dead(queue);
  const letter = await broker.ask("looking", async (wire) => wire.get(dead));
  expect(letter).toMatchObject({ properties: { headers: { "x-ashlar-reason": "no use" } } });
  await broker[Symbol.asyncDispose]();
  expect(await engine.redriveDead(queue, 9)).toBe(2);
  const again = await take(engine);
  expect(bodies(again).toSorted()).toEqual(["a", "b"]);
  expect(again[0]).toMatchObject({ attempt: 1, crashes: 0, failures: ["f"] });
  expect((await engine.counts(queue)).dead).toBe(0);
});

test("a message whose lease ran out crashesMax times is dead with reason crashed", async () => {
  const clock = manualClock();
  await using engine = await openFreshEngine([queue], { clock, unclaimedMaxMs: 2 ** 40 });
  await add(engine, "poison", "innocent");
  for (let crash = 0; crash < 3; crash++) {
    const claims = await take(engine, 1, { suspects: 1, crashesMax: 3 });
    expect([claims[0]?.body, claims[0]?.crashes, claims[0]?.attempt]).toEqual(["poison", crash, 1]);
    await clock.advance(30_000);
  }
  expect(bodies(await take(engine, 9, { crashesMax: 3 }))).toEqual(["innocent"]);
  expect((await engine.counts(queue)).dead).toBe(1);
});

test("every late use of a receipt is refused, and the new holder's counts", async () => {
  const clock = manualClock();
  await using engine = await openFreshEngine([queue], { clock, unclaimedMaxMs: 2 ** 40 });
  await add(engine, "a");
  const [lost] = await take(engine);
  await clock.advance(30_000);
  const [current] = await take(engine);
  for (const as of [ack, { kind: "retry", delayMs: 0 }, { kind: "dead", reason: "x" }, { kind: "release" }] as const)
    expect(await settle(engine, lost, as)).toBe(false);
  const receipts = [lost, current].flatMap((claim) => claim?.receipt ?? []);
  expect(await engine.extend(receipts, 1_000)).toEqual([false, true]);
  expect(await settle(engine, current, ack)).toBe(true);
  expect(await settle(engine, current, ack)).toBe(false);
  expect(await take(engine)).toEqual([]);
});

test("two engines never hold one message at once, and lose none", async () => {
  await using engine = await openFreshEngine([queue]);
  await using other = await openRabbitEngine({ url: brokerUrl, prefix: engine.prefix });
  const sent = Array.from({ length: 200 }, (_, n) => String(n));
  await add(engine, ...sent);
  const got: string[] = [];
  const work = async (by: RabbitEngine): Promise<void> => {
    while (got.length < sent.length)
      for (const claim of await take(by, 7)) {
        got.push(claim.body);
        await settle(by, claim, ack);
      }
  };
  await Promise.all([work(engine), work(other)]);
  expect(got.toSorted()).toEqual(sent.toSorted());
});

test("what this process has fetched and nobody claims goes back to others, uncounted", async () => {
  await using engine = await openFreshEngine([queue], { unclaimedMaxMs: 100 });
  await using other = await openRabbitEngine({ url: brokerUrl, prefix: engine.prefix });
  await add(engine, ...Array.from({ length: 20 }, (_, n) => String(n)));
  const claims = await take(engine, 20);
  // The window is 20 now: what is acknowledged makes room for others, which nobody here asks for.
  for (const claim of claims) await settle(engine, claim, ack);
  await add(engine, "a", "b");
  await systemClock.sleep(1_000);
  const given = await take(other, 9);
  expect(bodies(given)).toEqual(["a", "b"]);
  expect(given[0]).toMatchObject({ attempt: 1, crashes: 0 });
});

test("a lease that is over goes back to others although nobody here asks", async () => {
  await using engine = await openFreshEngine([queue], { unclaimedMaxMs: 100 });
  await using other = await openRabbitEngine({ url: brokerUrl, prefix: engine.prefix });
  await add(engine, "a");
  const [stuck] = await take(engine, 1, { leaseMs: 100 });
  const rescued = await takeWithin(other, 5_000);
  expect(rescued).toMatchObject({ body: "a", attempt: 1, crashes: 1 });
  expect(rescued.receipt.token).toBeGreaterThan(stuck?.receipt.token ?? 0);
  expect(await settle(engine, stuck, ack)).toBe(false);
});

test("a connection that is cut ends the claims of the process: late settlements are refused, the messages come again as suspects", async () => {
  await using proxy = await cuttingProxy();
  await using engine = await openFreshEngine([queue], { url: proxy.url });
  await add(engine, "a", "b");
  const [first, second] = await take(engine, 2);
  await settle(engine, first, ack);
  proxy.cutAll();
  const again = await takeWithin(engine, 5_000);
  expect(again).toMatchObject({ body: "b", attempt: 1, crashes: 1 });
  expect(again.receipt.token).toBeGreaterThan(second?.receipt.token ?? 0);
  expect(await settle(engine, second, ack)).toBe(false);
  expect(await settle(engine, again, ack)).toBe(true);
  expect(await take(engine)).toEqual([]);
});

test("settlements that go to the broker together take nothing with them that is still held", async () => {
  await using engine = await openFreshEngine([queue]);
  const other = await openRabbitEngine({ url: brokerUrl, prefix: engine.prefix });
  await add(engine, "a", "b", "c", "d", "e");
  const [first, second, third, fourth] = await take(other, 5);
  expect(await settle(other, first, ack)).toBe(true);
  expect(await Promise.all([settle(other, fourth, ack), settle(other, third, ack)])).toEqual([true, true]);
  expect(second).toMatchObject({ body: "b" });
  await other[Symbol.asyncDispose]();
  expect(bodies(await takeAll(engine)).toSorted()).toEqual(["b", "e"]);
});

test("a settlement that is lost with its connection is not told as done, also behind another one", async () => {
  await using proxy = await cuttingProxy();
  await using engine = await openFreshEngine([queue], { url: proxy.url });
  await add(engine, "a", "b");
  const [first, second] = await take(engine, 2);
  proxy.next("cut before the request");
  const one = settle(engine, first, ack);
  one.catch(() => undefined);
  // The question of the first one is on its way.
  await new Promise<void>((resolve) => systemClock.nextTurn(resolve));
  const ends = await Promise.allSettled([one, settle(engine, second, ack)]);
  const busy = { status: "rejected", reason: { code: "STORAGE", reason: "busy", retryable: true } };
  expect(ends).toMatchObject([busy, busy]);
  const again: Claim[] = [];
  for (let n = 0; n < 2; n++) {
    const claim = await takeWithin(engine, 5_000);
    again.push(claim);
    // While it is held the other one, a suspect as well, is kept out.
    expect(await settle(engine, claim, ack)).toBe(true);
  }
  expect(bodies(again).toSorted()).toEqual(["a", "b"]);
});

test("scenario 7 and 8: an enqueue whose confirmation is lost is told as unknown; without a broker it is told as busy, and nothing is added", async () => {
  await using proxy = await cuttingProxy();
  await using engine = await openFreshEngine([queue], { url: proxy.url, connectMaxMs: 200 });
  await add(engine, "a");
  proxy.next("cut before the answer");
  await expect(add(engine, "b")).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", retryable: false });
  await proxy[Symbol.asyncDispose]();
  await expect(add(engine, "c")).rejects.toMatchObject({ code: "STORAGE", reason: "busy", retryable: true });
  await using other = await openRabbitEngine({ url: brokerUrl, prefix: engine.prefix });
  expect(bodies(await take(other))).toEqual(["a", "b"]);
});

test("an enqueue of several messages is not atomic: cut in the middle, some are added in their order, and the outcome is unknown", async () => {
  await using proxy = await cuttingProxy();
  await using engine = await openFreshEngine([queue], { url: proxy.url });
  const sent = Array.from({ length: 3_000 }, (_, n) => `${n} ${"x".repeat(1_000)}`);
  await add(engine, "before");
  let pieces = 0;
  proxy.next("cut before the request", () => ++pieces === 12);
  await expect(add(engine, ...sent)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", retryable: false });
  await using other = await openRabbitEngine({ url: brokerUrl, prefix: engine.prefix });
  const added = bodies(await takeAll(other)).slice(1);
  expect(added.length).toBeGreaterThan(0);
  expect(added.length).toBeLessThan(sent.length);
  expect(added).toEqual(sent.slice(0, added.length));
});

test("what can be found out before an enqueue of several messages is sent leaves nothing of it behind", async () => {
  await using engine = await openFreshEngine([queue], { unconfirmedMax: 10 });
  const huge = { body: "huge", headers: { h: "x".repeat(30_000) } };
  await expect(add(engine, "a", huge)).rejects.toMatchObject({ code: "CHANGE" });
  const many = Array.from({ length: 11 }, (_, n) => String(n));
  await expect(add(engine, ...many)).rejects.toMatchObject({ code: "CHANGE" });
  const [passed, refused] = await Promise.allSettled([
    add(engine, ...many.slice(0, 6)),
    add(engine, ...many.slice(0, 5)),
  ]);
  expect([passed?.status, refused]).toMatchObject(["fulfilled", { reason: { code: "STORAGE", reason: "busy" } }]);
  expect(bodies(await takeAll(engine))).toEqual(many.slice(0, 6));
});

test("depthMax is judged by the broker's count of what waits", async () => {
  await using engine = await openFreshEngine([queue]);
  const enqueue = (count: number) =>
    engine.commit([
      { op: "enqueue", queue, messages: Array.from({ length: count }, () => ({ body: "x" })), depthMax: 10 },
    ]);
  expect((await enqueue(8)).committed).toBe(true);
  expect(await enqueue(3)).toEqual({
    committed: false,
    index: 0,
    refusal: { kind: "queue-full", queue, depth: 8, depthMax: 10 },
  });
  expect((await enqueue(2)).committed).toBe(true);
});

test("queues that somebody deleted are made again, and it goes on", async () => {
  await using engine = await openFreshEngine([queue]);
  await add(engine, "lost");
  await take(engine, 1);
  await using broker = await openAmqp({ url: brokerUrl });
  await broker.ask("deleting", (wire) => wire.deleteQueue(namesOf(engine.prefix).lane(queue, 0)));
  await add(engine, "found");
  expect(bodies([await takeWithin(engine, 5_000)])).toEqual(["found"]);
});

test("what somebody else publishes into the queue is a message like others", async () => {
  await using engine = await openFreshEngine([queue]);
  await take(engine);
  await using broker = await openAmqp({ url: brokerUrl });
  await using publisher = broker.publisher();
  const routingKey = namesOf(engine.prefix).lane(queue, 0);
  await publisher.publish({ exchange: "", routingKey, content: "foreign", headers: { "x-ashlar": "not JSON" } });
  const claim = await takeWithin(engine, 2_000);
  expect(claim).toMatchObject({ body: "foreign", headers: undefined, attempt: 1, failures: [] });
  expect(await settle(engine, claim, { kind: "retry", delayMs: 0, failure: "f" })).toBe(true);
  expect(await takeWithin(engine, 2_000)).toMatchObject({ body: "foreign", attempt: 2, failures: ["f"] });
});

test("a message that nothing has happened to carries no headers of ours, and when it was added is known all the same", async () => {
  await using engine = await openFreshEngine([queue]);
  const beforeMs = engine.clock.now();
  await add(engine, "new");
  await using broker = await openAmqp({ url: brokerUrl });
  await using channel = broker.channel();
  const fetched = await channel.ask("looking", (wire) => wire.get(namesOf(engine.prefix).lane(queue, 0)));
  if (fetched === false) throw new Error("it is there");
  const names = Object.keys(fetched.properties.headers ?? {});
  expect(names.filter((name) => name.startsWith("x-ashlar"))).toEqual([]);
  await channel.ask("handing back", async (wire) => wire.nack(fetched));
  const { enqueuedAtMs } = await takeWithin(engine, 2_000);
  expect(enqueuedAtMs).toBeGreaterThanOrEqual(beforeMs);
  expect(enqueuedAtMs).toBeLessThanOrEqual(engine.clock.now());
});

test("failures beyond what headers carry are cut, the first and the last kept", async () => {
  await using engine = await openFreshEngine([queue]);
  await add(engine, "a");
  for (let n = 1; n <= 18; n++)
    await settle(engine, await takeWithin(engine, 2_000), {
      kind: "retry",
      delayMs: 0,
      failure: `${n} ${"é".repeat(4_000)}`,
    });
  const { failures, attempt } = await takeWithin(engine, 2_000);
  expect(attempt).toBe(19);
  expect([failures[0]?.slice(0, 2), failures.at(-1)?.slice(0, 2)]).toEqual(["1 ", "18"]);
  expect(Buffer.byteLength(JSON.stringify(failures))).toBeLessThan(32_768);
});

test("the class is disk, and replicated where the members are three", async () => {
  await using engine = await openFreshEngine([queue]);
  expect(engine.can).toMatchObject({ durability: "disk", sharing: "many machines", parts: ["messages"] });
  await using three = await openFreshEngine([queue], { members: 3 });
  expect(three.can.durability).toBe("replicated");
  expect(await three.health()).toMatchObject({ status: "up" });
});
