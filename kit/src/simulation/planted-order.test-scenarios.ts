// Small systems that get stuck, grow, or trust a lease or a clock too long, each with a bug that can be taken out.
import { type Clock } from "../clock/mod.ts";
import { gate, type Gate } from "../abort/mod.ts";
import { clockJumps, ownFault, pauses, type Scenario, scenario, type Workload } from "./mod.ts";
import type { Bug } from "./planted-data.test-scenarios.ts";

const phases = { warmUpMs: 100, chaosMs: 10_000, livenessMs: 30_000 };
const leaseMs = 500;

/** A lock that one holder at a time has for a while. Judged by true time, as by a server whose clock is right. */
function leases(clock: Clock) {
  let holder = "";
  let token = 0;
  let untilMs = 0;
  return {
    claim(who: string): number | undefined {
      if (clock.monotonic() < untilMs && holder !== who) return undefined;
      if (holder !== who || clock.monotonic() >= untilMs) token++;
      holder = who;
      untilMs = clock.monotonic() + leaseMs;
      return token;
    },
  };
}

/** The planted bug: the store takes writes of whoever once had the lease. */
export function staleLease(bug: Bug): Scenario {
  return scenario({
    name: "stale-lease",
    about: "a holder that was frozen beyond its lease cannot write over its successor",
    phases,
    faults: [pauses({ nodes: ["a", "b"], perMinute: 30, lastsMs: [100, 3_000] })],
    async open(world): Promise<Workload> {
      const lock = leases(world.clock);
      const stored: number[] = [];
      const holders = ["a", "b"].map((name) =>
        world.node(name, {
          start: async ({ clock, random }) => {
            void (async () => {
              for (;;) {
                const token = lock.claim(name);
                if (token !== undefined) {
                  await clock.sleep(random.next() * 50); // thinks, and may be frozen meanwhile
                  const isCurrent = token >= (stored.at(-1) ?? 0);
                  if (bug === "planted" || isCurrent) stored.push(token);
                }
                await clock.sleep(random.next() * 100);
              }
            })();
          },
        }),
      );
      world.invariant("tokens in the store only rise", () => {
        const fallen = stored.findIndex((token, index) => index > 0 && token < (stored[index - 1] ?? 0));
        if (fallen !== -1) throw new Error(`${stored[fallen]} after ${stored[fallen - 1]}`);
      });
      for (const node of holders) await node.start();
      return { finish: async () => undefined };
    },
  });
}

/** The planted bug: the leader goes by its wall clock, which is stepped back, and leads on while another one leads. */
export function clockJump(bug: Bug): Scenario {
  return scenario({
    name: "clock-jump",
    about: "no two leaders at once, whatever the wall clocks do",
    phases,
    faults: [
      clockJumps({ nodes: ["a", "b"], perMinute: 30, jumpMsMax: 5_000 }),
      pauses({ nodes: ["a", "b"], perMinute: 10 }),
    ],
    async open(world): Promise<Workload> {
      const lock = leases(world.clock);
      const leading = new Map<string, () => boolean>();
      const nodes = ["a", "b"].map((name) =>
        world.node(name, {
          start: async ({ clock, random }) => {
            const nowMs = (): number => (bug === "planted" ? clock.now() : clock.monotonic());
            let untilMs = -Infinity;
            leading.set(name, () => nowMs() < untilMs);
            void (async () => {
              for (;;) {
                const askedMs = nowMs();
                if (lock.claim(name) !== undefined) untilMs = askedMs + leaseMs;
                // Every now and then it is busy with something else, and its lease ends.
                await clock.sleep(random.next() < 0.1 ? 2 * leaseMs : random.next() * 100);
              }
            })();
          },
        }),
      );
      world.invariant(
        "one leader at most",
        () => {
          const leaders = [...leading].filter(([, leads]) => leads()).map(([name]) => name);
          if (leaders.length > 1) throw new Error(leaders.join(" and "));
        },
        1,
      );
      for (const node of nodes) await node.start();
      return { finish: async () => undefined };
    },
  });
}

/** The planted bug: a consumer finds nothing, and goes to sleep a moment later, when the bell has rung already. */
export function lostWakeUp(bug: Bug): Scenario {
  return scenario({
    name: "lost-wake-up",
    about: "whoever waits for work is woken when there is some",
    phases: { ...phases, chaosMs: 100 },
    async open(world): Promise<Workload> {
      const items: number[] = [];
      let bell: Gate<void> | undefined;
      const consumer = world.node("consumer", {
        async start(host) {
          for (let taken = 0; taken < 20;) {
            const waiting = gate();
            if (bug === "fixed") bell = waiting;
            if (items.shift() !== undefined) {
              taken++;
              continue;
            }
            if (bug === "planted") {
              await new Promise<void>((resolve) => host.clock.nextTurn(resolve));
              bell = waiting;
            }
            await host.waits("the bell", waiting.promise);
          }
        },
      });
      const producer = world.node("producer", {
        async start({ clock, random }) {
          for (let item = 0; item < 20; item++) {
            items.push(item);
            bell?.open();
            await clock.sleep(random.integer(0, 2));
          }
        },
      });
      const done = Promise.all([consumer.start(), producer.start()]);
      return { finish: async () => void (await done) };
    },
  });
}

/** The planted bug: two locks, taken in either order. */
export function deadlock(bug: Bug): Scenario {
  return scenario({
    name: "deadlock",
    about: "transfers between two accounts come to an end",
    phases: { ...phases, chaosMs: 100 },
    async open(world): Promise<Workload> {
      const turns = new Map<string, Promise<void>>();
      const lock = async (name: string): Promise<() => void> => {
        const before = turns.get(name) ?? Promise.resolve();
        const held = gate();
        turns.set(name, held.promise);
        await before;
        return () => held.open();
      };
      const transfer = (from: string, to: string) =>
        world.node(`${from} to ${to}`, {
          async start(host) {
            for (let round = 0; round < 5; round++) {
              await host.clock.sleep(host.random.next() * 20);
              const order = bug === "fixed" ? [from, to].toSorted() : [from, to];
              const [first = "", second = ""] = order;
              const one = await host.waits(`the lock of ${first}`, lock(first));
              await host.clock.sleep(1);
              const two = await host.waits(`the lock of ${second}`, lock(second));
              two();
              one();
            }
          },
        });
      const done = Promise.all([transfer("x", "y").start(), transfer("y", "x").start()]);
      return { finish: async () => void (await done) };
    },
  });
}

/** The planted bug: work is taken in while the store behind stands still. */
export function unboundedQueue(bug: Bug): Scenario {
  return scenario({
    name: "unbounded-queue",
    about: "what waits for a store that stalls has a bound",
    phases,
    faults: [
      ownFault("stall", {
        perMinute: 10,
        begin: (world) => {
          world.nodes.get("store")?.pause(1_500);
          return () => undefined;
        },
      }),
    ],
    async open(world): Promise<Workload> {
      const waiting: number[] = [];
      const store = world.node("store", {
        start: async ({ clock }) => {
          void (async () => {
            for (;;) {
              waiting.splice(0, 10);
              await clock.sleep(50);
            }
          })();
        },
      });
      const front = world.node("front", {
        start: async ({ clock }) => {
          void (async () => {
            for (let item = 0; ; item++) {
              if (bug === "planted" || waiting.length < 50) waiting.push(item);
              else world.sometimes("refused");
              await clock.sleep(10);
            }
          })();
        },
      });
      world.invariant("at most 100 wait", () => {
        if (waiting.length > 100) throw new Error(`${waiting.length} wait`);
      });
      await store.start();
      await front.start();
      return { finish: async () => undefined };
    },
  });
}
