import { expect, test } from "vitest";
import { z } from "zod";
import { call, contract, queue } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { implement } from "./implement.ts";
import { rejection, testEngine, withServices } from "./one-service.test-system.ts";

const posts = contract("posts", {
  queues: {
    send: queue({ input: z.object({ to: z.string() }) }),
    weigh: queue({ input: z.object({ grams: z.int() }), output: z.object({ fee: z.int() }), attemptsMax: 1 }),
  },
});

const sent: string[] = [];
const postsService = implement(posts)({
  engine: testEngine,
  queues: {
    send: ({ input }) => void sent.push(input.to),
    async weigh({ input, clock, signal }) {
      if (input.grams < 0) throw new Error("the scales are broken");
      await clock.sleep(500, { signal });
      return { fee: input.grams };
    },
  },
});

test("a store that fails is a fault whose reference is in the log, and nothing of it leaves the service", async () => {
  let state: "well" | "broken" = "well";
  const engine = async (clock: Engine["clock"]): Promise<Engine> => {
    const well = await openMemoryEngine({ clock });
    return {
      can: well.can,
      clock: well.clock,
      commit: (changes) => (state === "broken" ? Promise.reject(new Error("secret: disk full")) : well.commit(changes)),
      claim: (request) => well.claim(request),
      extend: (receipts, leaseMs) => well.extend(receipts, leaseMs),
      read: (request) => well.read(request),
      stream: (request) => well.stream(request),
      get: (cells) => well.get(cells),
      scan: (query) => well.scan(query),
      bell: (topics, ring) => well.bell(topics, ring),
      [Symbol.asyncDispose]: () => well[Symbol.asyncDispose](),
    };
  };
  await withServices(
    [postsService],
    async ({ running, lines }) => {
      state = "broken";
      const error = await rejection(running.client(posts).send({ to: "ada" }));
      state = "well";
      expect(error).toMatchObject({ code: "FAULT", operation: "posts@1.send", retryable: true });
      expect((error as Error).message).not.toContain("secret");
      const { reference } = error as { reference: string };
      expect(lines).toMatchObject([{ level: "error", operation: "posts@1.send", reference }]);
    },
    { engine },
  );
});

test("a job that has failed for good is told with a reference that the log has", async () => {
  await withServices([postsService], async ({ running, lines, clock }) => {
    const ended = rejection(running.client(posts).weigh({ grams: -1 }));
    await clock.advance(2_000);
    const error = await ended;
    expect(error).toMatchObject({ code: "FAULT", retryable: false });
    const { reference } = error as { reference: string };
    expect(lines).toContainEqual(expect.objectContaining({ level: "error", operation: "posts@1.weigh", reference }));
    expect(JSON.stringify(lines)).toContain("the scales are broken");
  });
});

test("a job that nobody asks for any more is not taken in", async () => {
  await withServices([postsService], async ({ running, clock }) => {
    sent.length = 0;
    const reason = new Error("changed my mind");
    const signal = AbortSignal.abort(reason);
    expect(await rejection(running.client(posts).send({ to: "ada" }, { signal }))).toBe(reason);
    expect(await rejection(running.client(posts).weigh({ grams: 1 }, { signal }))).toBe(reason);
    expect(await rejection(running.client(posts).weigh({ grams: 1 }, { withinMs: 0 }))).toMatchObject({
      code: "TIMEOUT",
    });
    await clock.advance(1_000);
    expect(sent).toEqual([]);
  });
});

test("who waits for an answer is in flight: counted, bounded, and told when the service closes", async () => {
  await withServices(
    [postsService],
    async ({ running, clock }) => {
      const { weigh } = running.client(posts);
      const waiting = [weigh({ grams: 1 }), weigh({ grams: 2 })].map(rejection);
      expect(running.services[0]?.callsInFlight).toBe(2);
      await expect(weigh({ grams: 3 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
      const closed = running[Symbol.asyncDispose]();
      expect(await Promise.all(waiting)).toMatchObject([{ code: "OUTCOME_UNKNOWN" }, { code: "OUTCOME_UNKNOWN" }]);
      await clock.advance(60_000);
      await closed;
    },
    { callsMax: 2 },
  );
});

test("closing waits for jobs and calls at the same time, and no longer than the grace and what a job has to heed its signal", async () => {
  const slow = contract("slow", {
    calls: { hang: call({ input: z.object({}), output: z.object({}) }) },
    queues: { one: queue({ input: z.object({}) }), two: queue({ input: z.object({}) }) },
  });
  const hang = (): Promise<never> => new Promise<never>(() => undefined);
  const service = implement(slow)({ engine: testEngine, calls: { hang }, queues: { one: hang, two: hang } });
  await withServices(
    [service],
    async ({ running, clock }) => {
      const client = running.client(slow);
      await Promise.all([client.one({}), client.two({})]);
      const hanging = rejection(client.hang({}));
      await clock.advance(100);
      let state: "closing" | "closed" = "closing";
      const closed = running[Symbol.asyncDispose]().then(() => (state = "closed"));
      await clock.advance(2_100);
      expect(state).toBe("closed");
      await Promise.all([closed, hanging]);
    },
    { graceMs: 1_000 },
  );
});
