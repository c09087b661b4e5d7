import { describe, expect, test } from "vitest";
import { z } from "zod";
import { call, contract, failure, OutcomeUnknownError, stream, UnavailableError } from "../contract/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { fixedDirectory } from "../registry/mod.ts";
import { implement, system } from "../service/mod.ts";
import { openNode, type ServiceNode } from "../service/node/mod.ts";
import { type NodeHost, world, type World, type WorldOptions, worldTransport } from "./mod.ts";

const counter = contract("counter", {
  calls: {
    add: call({
      input: z.object({ by: z.number() }),
      output: z.object({ total: z.number() }),
      errors: { tooMuch: failure({ title: "too much", data: z.object({ max: z.number() }) }) },
      semantics: "unsafe",
      deadlineMs: 5_000,
    }),
    total: call({ input: z.object({}), output: z.object({ total: z.number() }), semantics: "safe", deadlineMs: 5_000 }),
    wait: call({ input: z.object({}), output: z.object({}), semantics: "safe", deadlineMs: 60_000 }),
  },
  streams: { upTo: stream({ input: z.object({ max: z.number() }), output: z.object({ n: z.number() }) }) },
});
const caller = contract("caller", { calls: {} });

interface Scene {
  readonly here: World;
  /** Starts the process of that name. */
  readonly node: (name: string) => Promise<ServiceNode>;
  readonly sums: { total: number; added: number; stopped: number };
}

/** A counter on one node and its caller on another. */
function scene(options: Partial<WorldOptions> = {}): Scene {
  const here = world({ seed: 3, ...options });
  const sums = { total: 0, added: 0, stopped: 0 };
  const counting = implement(counter)({
    calls: {
      add({ input, fail }) {
        if (input.by > 100) throw fail.tooMuch({ max: 100 });
        sums.added++;
        return { total: (sums.total += input.by) };
      },
      total: () => ({ total: sums.total }),
      async wait({ signal, clock }) {
        await clock.sleep(30_000, { signal }).catch(() => sums.stopped++);
        return {};
      },
    },
    streams: {
      async *upTo({ input }) {
        for (let n = 1; n <= input.max; n++) yield { n };
      },
    },
  });
  const calling = implement(caller)({ needs: { counter }, calls: {} });
  const shop = system("scene", { services: [counting, calling] });
  const directory = fixedDirectory({ "counter@1": [{ id: "1", address: "counter" }] });
  const nodes = new Map<string, ServiceNode>();
  for (const name of ["counter", "caller"])
    here.node(name, {
      async start(host: NodeHost) {
        const { clock, random } = host;
        const transport = worldTransport(host);
        const node = await openNode(shop, { only: [name], identity: name, directory, clock, random, transport });
        nodes.set(name, node);
        return node;
      },
    });
  const node = async (name: string): Promise<ServiceNode> => {
    await here.nodes.get(name)?.start();
    const found = nodes.get(name);
    if (found === undefined) throw new Error(`${name} did not start`);
    return found;
  };
  return { here, sums, node };
}

describe("services on nodes of a world", () => {
  test("calls, declared errors and streams arrive as they do over TCP", async () => {
    const { here, node } = scene();
    await here.run(async () => {
      await node("counter");
      const client = (await node("caller")).services.client(counter);
      expect(await client.add({ by: 5 })).toEqual({ total: 5 });
      await expect(client.add({ by: 500 })).rejects.toMatchObject({ code: "DECLARED", data: { max: 100 } });
      expect(await Array.fromAsync(client.upTo({ max: 4 }))).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
    });
  });

  test("a call is done at most once, whatever the network repeats, loses or delays", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { here, node, sums } = scene({ seed, network: { loss: 0.1, duplication: 0.5 } });
      const ends = { ok: 0, unknown: 0, undone: 0 };
      await here.run(async () => {
        await node("counter");
        const client = (await node("caller")).services.client(counter);
        for (let index = 0; index < 20; index++) {
          try {
            await client.add({ by: 1 });
            ends.ok++;
          } catch (error) {
            if (error instanceof UnavailableError) ends.undone++;
            else if (error instanceof OutcomeUnknownError || error instanceof TimeoutError) ends.unknown++;
            else throw error;
          }
        }
      });
      expect(sums.added).toBeGreaterThanOrEqual(ends.ok);
      expect(sums.added).toBeLessThanOrEqual(ends.ok + ends.unknown);
    }
  });

  test("a process that dies with a call in hand is found out, and the next one answers", async () => {
    const { here, node } = scene();
    await here.run(async () => {
      await node("counter");
      const client = (await node("caller")).services.client(counter);
      await client.total({});
      const adding = here.task("waiting", async () => {
        const startedMs = here.clock.monotonic();
        await client.wait({});
        return here.clock.monotonic() - startedMs;
      });
      await here.clock.sleep(100);
      here.nodes.get("counter")?.crash("process");
      await here.clock.sleep(500);
      await node("counter");
      // It is repeated with the new process, since it may be.
      expect(await adding).toBeGreaterThan(30_000);
      expect(await client.total({})).toEqual({ total: 0 });
    });
  });

  test("who gives up lets the other side know", async () => {
    const { here, node, sums } = scene();
    await here.run(async () => {
      await node("counter");
      const client = (await node("caller")).services.client(counter);
      const stop = new AbortController();
      const waiting = client.wait({}, { signal: stop.signal });
      await here.clock.sleep(100);
      stop.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      await here.clock.sleep(100);
      expect(sums.stopped).toBe(1);
    });
  });

  test("a stream gives each item once and in order, whatever the network repeats", async () => {
    const { here, node } = scene({ network: { duplication: 0.7 } });
    await here.run(async () => {
      await node("counter");
      const client = (await node("caller")).services.client(counter);
      const items = await Array.fromAsync(client.upTo({ max: 40 }), ({ n }) => n);
      expect(items).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    });
  });

  test("a process that stops finishes what it has and takes nothing new", async () => {
    const { here, node, sums } = scene();
    await here.run(async () => {
      const counting = await node("counter");
      const client = (await node("caller")).services.client(counter);
      const waiting = Promise.allSettled([client.wait({})]);
      await here.clock.sleep(100);
      const closed = counting[Symbol.asyncDispose]();
      await here.clock.sleep(100);
      await expect(client.add({ by: 1 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
      expect(sums.added).toBe(0);
      await Promise.all([waiting, closed]);
    });
  });
});
