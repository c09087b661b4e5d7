// Small systems that lose, double or disorder data, each with a bug that can be taken out.
import {
  badNetwork,
  crashes,
  type DiskFile,
  type FaultRule,
  type NodeHost,
  partitions,
  type Scenario,
  scenario,
  type Workload,
  type World,
} from "./mod.ts";

export type Bug = "planted" | "fixed";

const phases = { warmUpMs: 100, chaosMs: 5_000, livenessMs: 30_000 };

/** Asks until somebody answers. */
async function insist(host: NodeHost, to: string, message: unknown): Promise<unknown> {
  for (;;) {
    const answer = await host.network.request(to, message, { withinMs: 100 }).catch(() => undefined);
    if (answer !== undefined) return answer;
    await host.clock.sleep(50);
  }
}

/** A client that does `work` for each of `count` items, and what waits for its end. */
function client(world: World, count: number, work: (host: NodeHost, item: number) => Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const node = world.node("client", {
    start: (host) => {
      void (async () => {
        for (let item = 0; item < count; item++) {
          await work(host, item);
          await host.clock.sleep(host.random.next() * 200);
        }
        resolve();
      })();
    },
  });
  void node.start();
  return promise;
}

function expectEqual(what: string, seen: number, expected: number): void {
  if (seen !== expected) throw new Error(`${what}: ${seen} instead of ${expected}`);
}

async function linesOf(file: DiskFile): Promise<readonly string[]> {
  const text = new TextDecoder().decode(await file.read(0, file.size));
  // What follows the last end of a line was torn.
  return text.split("\n").slice(0, -1);
}

const lineOf = (text: string): Uint8Array => new TextEncoder().encode(`${text}\n`);
const machines = (perMinute: number): FaultRule =>
  crashes({ nodes: ["server"], perMinute, what: "machine", lastsMs: [10, 1_000] });

/** The planted bug: an entry is acknowledged before it is synced. */
export function missingSync(bug: Bug): Scenario {
  return scenario({
    name: "missing-sync",
    about: "what a log has acknowledged is in it after a power cut",
    phases,
    faults: [machines(20)],
    async open(world): Promise<Workload> {
      const server = world.node("server", {
        async start({ disk, network }) {
          const file = await disk.open("log");
          await disk.syncNames();
          network.onRequest(async (message) => {
            await file.append(lineOf(String(message)));
            if (bug === "fixed") await file.sync();
            return "stored";
          });
        },
      });
      await server.start();
      let acknowledged = 0;
      const done = client(world, 20, async (host, item) => {
        if ((await insist(host, "server", item)) === "stored") acknowledged++;
      });
      return {
        finish: () => done,
        check() {
          const text = new TextDecoder().decode(server.disk.file("log")?.read(0, 1e6));
          const lines = new Set(text.split("\n").slice(0, -1));
          expectEqual("stored", lines.size, acknowledged);
        },
      };
    },
  });
}

/** The planted bug: what was already added is remembered only in memory. */
export function lostDeduplication(bug: Bug): Scenario {
  return scenario({
    name: "lost-deduplication",
    about: "what arrives twice is added once, also when the server was restarted between",
    phases,
    network: { duplication: 0.2, loss: 0.1 },
    faults: [machines(20)],
    async open(world): Promise<Workload> {
      const server = world.node("server", {
        async start({ disk, network }) {
          const file = await disk.open("keys");
          const seen = new Set(bug === "fixed" ? await linesOf(file) : []);
          await disk.syncNames();
          let turn = Promise.resolve();
          network.onRequest(async (message) => {
            const key = String(message);
            // One after the other: a key is looked for and stored as one step.
            const mine = turn.then(async () => {
              if (seen.has(key)) return;
              seen.add(key);
              await file.append(lineOf(key));
              await file.sync();
            });
            turn = mine;
            await mine;
            return "added";
          });
        },
      });
      await server.start();
      const done = client(world, 20, async (host, item) => void (await insist(host, "server", `key ${item}`)));
      return {
        finish: () => done,
        check() {
          const text = new TextDecoder().decode(server.disk.file("keys")?.read(0, 1e6));
          const lines = text.split("\n").slice(0, -1);
          expectEqual("added", lines.length, 20);
        },
      };
    },
  });
}

/** The planted bug: a charge that timed out is tried again without the key that makes it the same charge. */
export function doubleCharge(bug: Bug): Scenario {
  return scenario({
    name: "double-charge",
    about: "an order is charged once, however often the provider is asked",
    phases,
    faults: [
      badNetwork({ perMinute: 20 }),
      partitions({ nodes: ["shop", "provider"], perMinute: 20, lastsMs: [50, 2_000] }),
    ],
    async open(world): Promise<Workload> {
      const charges = new Map<string, number>();
      const provider = world.node("provider", {
        start: async ({ network }) => {
          const answered = new Set<string>();
          network.onRequest(async (message) => {
            const { order, key } = message as { order: string; key: string };
            if (!answered.has(key)) charges.set(order, (charges.get(order) ?? 0) + 1);
            answered.add(key);
            return "charged";
          });
        },
      });
      const shop = world.node("shop", {
        start: async (host) =>
          host.network.onRequest(async (message) => {
            for (let attempt = 1; ; attempt++) {
              const key = bug === "fixed" ? String(message) : `${String(message)}, attempt ${attempt}`;
              const charge = { order: message, key };
              const answer = await host.network.request("provider", charge, { withinMs: 200 }).catch(() => "again");
              if (answer === "charged") return "done";
              await host.clock.sleep(20);
            }
          }),
      });
      await provider.start();
      await shop.start();
      const done = client(world, 20, async (host, item) => {
        await host.network.request("shop", `order ${item}`, { withinMs: 20_000 }).catch(() => undefined);
      });
      return {
        finish: () => done,
        check() {
          for (const [order, times] of charges) expectEqual(`charges of ${order}`, times, 1);
        },
      };
    },
  });
}

/** The planted bug: positions are given out before the commits, which end in another order; a reader that has seen 7 never looks for 6. */
export function gapInOrder(bug: Bug): Scenario {
  return scenario({
    name: "gap-in-order",
    about: "a reader that goes by position sees every event",
    phases,
    faults: [],
    async open(world): Promise<Workload> {
      const log = new Map<number, string>();
      const seen: string[] = [];
      let next = 1;
      const writers = ["a", "b", "c"].map((name) =>
        world.node(name, {
          async start({ clock, random }) {
            for (let count = 0; count < 10; count++) {
              await clock.sleep(random.next() * 50);
              const early = bug === "planted" ? next++ : 0;
              await clock.sleep(random.next() * 3); // the commit
              log.set(bug === "planted" ? early : next++, `${name}${count}`);
            }
          },
        }),
      );
      const reader = world.node("reader", {
        async start({ clock }) {
          for (let at = 0; ; await clock.sleep(5)) {
            const head = Math.max(0, ...log.keys());
            for (; at < head; at++) seen.push(log.get(at + 1) ?? "nothing");
            if (head === 30 && at === 30) return;
          }
        },
      });
      const done = Promise.all([...writers, reader].map((node) => node.start()));
      return {
        finish: async () => void (await done),
        check: () => expectEqual("events that were seen", seen.filter((event) => event !== "nothing").length, 30),
      };
    },
  });
}
