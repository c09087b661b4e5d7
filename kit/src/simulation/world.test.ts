import { describe, expect, test } from "vitest";
import { DeadlockError, InvariantBrokenError, type NodeHost, NodeRefusal, world, type World } from "./mod.ts";

const idle = (): Promise<void> => new Promise(() => undefined);

describe("a process that crashes", () => {
  test("leaves nothing running: no timer, no turn, no message, no finally", async () => {
    const here = world({ seed: 1 });
    const log: string[] = [];
    const victim = here.node("victim", {
      start: async (host: NodeHost) => {
        log.push(`start ${host.epoch}`);
        host.network.onMessage(() => log.push("message"));
        host.network.onRequest(async () => {
          await host.clock.sleep(50);
          log.push("answer");
          return "done";
        });
        void (async () => {
          try {
            await host.fence(outside(here, 30));
            log.push("outside");
          } finally {
            log.push("finally");
          }
        })();
        host.clock.setTimer(30, () => log.push("timer"));
      },
    });
    const other = here.node("other", {
      start: async (host) => {
        await host.clock.sleep(5);
        const asked = host.network.request("victim", "work", { withinMs: 500 });
        await expect(asked).rejects.toThrow("took longer than 500 ms");
        log.push("no answer");
      },
    });
    await here.run(async () => {
      await victim.start();
      void other.start();
      await here.clock.sleep(20);
      victim.crash("process");
      expect(victim.state).toBe("down");
      await here.clock.sleep(1_000);
    });
    expect(log).toEqual(["start 1", "no answer"]);
    expect(here.kernel.pending).toBe(0);
  });

  test("begins anew when it is started again, with a monotonic clock of its own", async () => {
    const here = world({ seed: 1 });
    const seen: unknown[] = [];
    const node = here.node("a", {
      clock: { offsetMs: 1_000 },
      start: async ({ clock, epoch, random }) => {
        seen.push([epoch, clock.monotonic(), clock.now() - here.clock.now(), random.integer(0, 1_000_000)]);
      },
    });
    await here.run(async () => {
      await node.start();
      await here.clock.sleep(100);
      node.crash("machine");
      await node.start();
    });
    expect(seen).toEqual([
      [1, 0, 1_000, expect.any(Number)],
      [2, 0, 1_000, expect.any(Number)],
    ]);
    expect(new Set(seen.map((row) => (row as number[])[3])).size).toBe(2);
  });

  test("is started again by itself when it could not start", async () => {
    const here = world({ seed: 1 });
    const node = here.node("a", {
      restartMs: 250,
      start: async ({ epoch, clock }) => {
        await clock.sleep(10);
        if (epoch === 1) throw new Error("the store is not there");
      },
    });
    await here.run(async () => {
      await node.start();
      expect(node.state).toBe("down");
      await here.clock.sleep(300);
    });
    expect([node.state, here.counters.all]).toEqual(["up", { "node: could not start": 1 }]);
  });

  test("that crashes itself reaches nobody any more, from that moment on", async () => {
    const here = world({ seed: 1 });
    const log: string[] = [];
    const other = here.node("other", { start: ({ network }) => network.onMessage(() => log.push("message")) });
    const node = here.node("a", {
      async start({ network, clock, disk }) {
        await clock.sleep(1);
        node.crash("machine");
        network.send("other", "from the grave");
        clock.setTimer(1, () => log.push("timer"));
        clock.nextTurn(() => log.push("turn"));
        try {
          await disk.open("file");
          log.push("disk");
        } finally {
          log.push("finally");
        }
      },
    });
    await here.run(async () => {
      await other.start();
      await node.start();
      await here.clock.sleep(100);
    });
    expect([log, node.state]).toEqual([[], "down"]);
  });
});

describe("a process that is stopped", () => {
  test("closes what it has opened, in time", async () => {
    const here = world({ seed: 1 });
    const log: string[] = [];
    const node = here.node("a", {
      start: async ({ clock, stopping }) => {
        stopping.addEventListener("abort", () => log.push("told"));
        return {
          async [Symbol.asyncDispose]() {
            await clock.sleep(100);
            log.push(`closed at ${here.kernel.nowMs}`);
          },
        };
      },
    });
    await here.run(async () => {
      await node.start();
      await node.stop();
    });
    expect([log, node.state]).toEqual([["told", "closed at 100"], "down"]);
  });

  test("is killed when it takes too long", async () => {
    const here = world({ seed: 1 });
    const node = here.node("a", { start: async () => ({ [Symbol.asyncDispose]: idle }) });
    await here.run(async () => {
      await node.start();
      await node.stop(500);
    });
    expect([here.kernel.nowMs, node.state]).toEqual([500, "down"]);
  });

  test("stands still while it is paused, messages included", async () => {
    const here = world({ seed: 1, network: { latency: { kind: "fixed", ms: 1 } } });
    const log: string[] = [];
    const node = here.node("a", {
      start: async ({ clock, network }) => {
        network.onMessage((message) => log.push(`${String(message)} at ${here.kernel.nowMs}`));
        clock.setTimer(20, () => log.push(`timer at ${here.kernel.nowMs}`));
      },
    });
    const other = here.node("b", { start: async ({ network }) => network.send("a", "hello") });
    await here.run(async () => {
      await node.start();
      node.pause(100);
      await other.start();
      await here.clock.sleep(200);
    });
    expect(log.toSorted()).toEqual(["hello at 100", "timer at 100"]);
  });
});

describe("the network", () => {
  const messages = 2_000;

  async function received(here: World): Promise<readonly number[]> {
    const seen: number[] = [];
    const sink = here.node("sink", { start: async ({ network }) => network.onMessage((n) => seen.push(n as number)) });
    const spring = here.node("spring", {
      start: async ({ network }) => {
        for (let index = 0; index < messages; index++) network.send("sink", index);
      },
    });
    await here.run(async () => {
      await sink.start();
      await spring.start();
      await here.clock.sleep(10_000);
    });
    return seen;
  }

  test("loses, doubles and reorders messages as often as it is told", async () => {
    const here = world({ seed: 7, network: { loss: 0.1, duplication: 0.2 } });
    const seen = await received(here);
    const kinds = new Set(seen).size;
    expect(kinds / messages).toBeCloseTo(0.9, 1);
    expect((seen.length - kinds) / kinds).toBeCloseTo(0.2, 1);
    expect(seen.some((value, index) => index > 0 && value < (seen[index - 1] ?? 0))).toBe(true);
    const counts = here.counters.all;
    expect(counts["network: lost"]).toBe(messages - kinds);
  });

  test("delivers everything once when calm", async () => {
    const seen = await received(world({ seed: 7 }));
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: messages }, (_, index) => index));
  });

  test("passes nothing through a cut, one way or both, until it is mended", async () => {
    const here = world({ seed: 1 });
    const echo = (host: NodeHost): Promise<void> => {
      host.network.onRequest(async (message, from) => `${host.name} to ${from}: ${String(message)}`);
      return Promise.resolve();
    };
    const hosts = new Map<string, NodeHost>();
    const nodes = ["a", "b"].map((name) => here.node(name, { start: (host) => (hosts.set(name, host), echo(host)) }));
    const ask = async (from: string, to: string): Promise<unknown> =>
      await hosts
        .get(from)
        ?.network.request(to, "hi", { withinMs: 100 })
        .catch((error: unknown) => (error as Error).name);
    const answers = await here.run(async () => {
      for (const node of nodes) await node.start();
      const before = await ask("a", "b");
      const both = here.network.partition([["a"], ["b"]]);
      const during = await ask("a", "b");
      both[Symbol.dispose]();
      const oneWay = here.network.partition([["b"], ["a"]], "one way");
      const half = await ask("a", "b");
      oneWay[Symbol.dispose]();
      return [before, during, half, await ask("a", "b")];
    });
    expect(answers).toEqual(["b to a: hi", "TimeoutError", "TimeoutError", "b to a: hi"]);
  });

  test("tells what the other side failed with, and keeps back what is clogged", async () => {
    const here = world({ seed: 1, network: { latency: { kind: "fixed", ms: 2 } } });
    const server = here.node("server", {
      start: async ({ network }) =>
        network.onRequest(async () => {
          throw new Error("no such thing");
        }),
    });
    const client = here.node("client", {
      start: async ({ network }) => {
        await expect(network.request("server", 1, { withinMs: 1_000 })).rejects.toThrow(NodeRefusal);
      },
    });
    await here.run(async () => {
      await server.start();
      here.network.link("client", "server").clog(300);
      await client.start();
    });
    expect(here.kernel.nowMs).toBe(304);
  });
});

describe("a run", () => {
  test("that gets stuck lists what waits", async () => {
    const here = world({ seed: 1 });
    const node = here.node("a", {
      start: async (host) => {
        await host.clock.sleep(3);
        void host.waits("the lock of order 7", idle());
      },
    });
    const stuck = here.run(async () => {
      await node.start();
      await here.task("the clients", idle);
    });
    const error = await stuck.catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(DeadlockError);
    expect((error as DeadlockError).waiting).toEqual([
      { who: "harness", what: "the scenario", sinceMs: 0 },
      { who: "a", what: "the lock of order 7", sinceMs: 3 },
      { who: "harness", what: "the clients", sinceMs: 3 },
    ]);
  });

  test("fails when a rule is broken between two events, and names it", async () => {
    const here = world({ seed: 1 });
    let balance = 10;
    here.invariant(
      "no account is below zero",
      () => {
        if (balance < 0) throw new Error(`balance ${balance}`);
      },
      1,
    );
    const run = here.run(async () => {
      for (; ; balance -= 3) await here.clock.sleep(10);
    });
    await expect(run).rejects.toThrow(InvariantBrokenError);
    await expect(run).rejects.toThrow("no account is below zero: balance -2");
    expect(here.kernel.nowMs).toBe(40);
  });
});

describe("clocks", () => {
  test("drift and jump by node: the wall clock with both, the monotonic one with the drift only", async () => {
    const here = world({ seed: 1 });
    const seen: number[][] = [];
    const node = here.node("a", {
      clock: { driftPpm: 50_000 },
      start: async ({ clock }) => {
        const wallMs = clock.now();
        for (let round = 0; round < 2; round++) {
          await clock.sleep(1_050);
          seen.push([clock.monotonic(), clock.now() - wallMs]);
        }
      },
    });
    await here.run(async () => {
      const started = node.start();
      await here.clock.sleep(1_500);
      node.machine.jump(-600);
      await started;
    });
    expect(here.kernel.nowMs).toBeCloseTo(2_000, 1);
    expect(seen.flat().map((ms) => Math.round(ms))).toEqual([1_050, 1_050, 2_100, 1_500]);
  });

  test("never wake a sleeper early, and never make him wait for a rest that cannot pass", async () => {
    const here = world({ seed: 3 });
    const random = here.random("delays");
    const nodes = [0, -700, 33_333].map((driftPpm, index) =>
      here.node(`n${index}`, {
        clock: { driftPpm },
        start: async ({ clock }) => {
          for (let round = 0; round < 300; round++) {
            const dueMs = clock.monotonic() + random.next() * 10;
            let waits = 0;
            for (; clock.monotonic() < dueMs; waits++) await clock.sleep(dueMs - clock.monotonic());
            expect(waits).toBeLessThanOrEqual(2);
          }
        },
      }),
    );
    await here.run(async () => void (await Promise.all(nodes.map((node) => node.start()))));
  });
});

async function outside(here: World, ms: number): Promise<void> {
  await here.clock.sleep(ms);
}
