import type { Random } from "../random/mod.ts";
import { type DiskFaults, soundDisk } from "./disk-state.ts";
import type { FaultRule } from "./fault.ts";
import { networkLaw } from "./network-law.ts";
import type { World } from "./world.ts";

/** From, to: drawn evenly over the orders of magnitude between, so that short and long ones are both common. */
export type Span = readonly [fromMs: number, toMs: number];

interface Common {
  readonly perMinute: number;
  /** How long each one lasts. */
  readonly lastsMs?: Span | undefined;
}

interface OnNodes extends Common {
  /** Nodes that it may hit, one at a time. */
  readonly nodes: readonly string[];
}

/** A process or a machine dies and is started again when the fault is over. `what` default: either, by chance. */
export function crashes({
  nodes,
  perMinute,
  lastsMs = [10, 10_000],
  what,
}: OnNodes & { readonly what?: "process" | "machine" | undefined }): FaultRule {
  return {
    kind: "crash",
    perMinute,
    draw: (random) => {
      const drawn = random.next() < 0.5 ? "process" : "machine";
      return { nodes: [random.pick(nodes)], lengthMs: within(random, lastsMs), detail: { what: what ?? drawn } };
    },
    begin(world, { nodes: [name = ""], detail }) {
      const node = world.nodes.get(name);
      if (node === undefined || node.state === "down") return undefined;
      node.crash(detail?.["what"] === "machine" ? "machine" : "process");
      return ending(() => {
        if (node.state === "down") void node.start();
      });
    },
  };
}

/** A node is told to stop, closes what it has, and is started again when the fault is over. */
export function restarts({ nodes, perMinute, lastsMs = [10, 5_000] }: OnNodes): FaultRule {
  return {
    kind: "restart",
    perMinute,
    draw: (random) => ({ nodes: [random.pick(nodes)], lengthMs: within(random, lastsMs) }),
    begin(world, { nodes: [name = ""] }) {
      const node = world.nodes.get(name);
      if (node?.state !== "up") return undefined;
      const stopped = node.stop();
      return ending(() => {
        void stopped.then(() => (node.state === "down" ? node.start() : undefined));
      });
    },
  };
}

/** A process stands still, as under SIGSTOP or in a long collection of garbage: choose times longer than leases. */
export function pauses({ nodes, perMinute, lastsMs = [100, 30_000] }: OnNodes): FaultRule {
  return {
    kind: "pause",
    perMinute,
    draw: (random) => ({ nodes: [random.pick(nodes)], lengthMs: within(random, lastsMs) }),
    begin(world, { nodes: [name = ""], lengthMs }) {
      const node = world.nodes.get(name);
      if (node === undefined || node.state === "down") return undefined;
      node.pause(lengthMs);
      return ending(() => undefined);
    },
  };
}

/** The nodes fall into two groups that cannot reach each other; `one way` (a third of them): only one of the directions is cut. */
export function partitions({ nodes, perMinute, lastsMs = [100, 20_000] }: OnNodes): FaultRule {
  return {
    kind: "partition",
    perMinute,
    draw: (random) => {
      const shuffled = random.shuffle(nodes);
      const cut = random.integer(1, Math.max(1, nodes.length - 1));
      const ways = random.next() < 1 / 3 ? "one way" : "both ways";
      return { nodes: shuffled, lengthMs: within(random, lastsMs), detail: { first: cut, ways } };
    },
    begin: (world, { nodes, detail }) => {
      const first = Number(detail?.["first"]);
      const ways = detail?.["ways"] === "one way" ? "one way" : "both ways";
      return world.network.partition([nodes.slice(0, first), nodes.slice(first)], ways);
    },
  };
}

/** What is sent from one node to another meanwhile arrives only afterwards. */
export function clogs({ nodes, perMinute, lastsMs = [50, 5_000] }: OnNodes): FaultRule {
  return {
    kind: "clog",
    perMinute,
    draw: (random) => ({ nodes: random.shuffle(nodes).slice(0, 2), lengthMs: within(random, lastsMs) }),
    begin(world, { nodes: [from = "", to = ""], lengthMs }) {
      world.network.link(from, to).clog(world.kernel.nowMs + lengthMs);
      return ending(() => undefined);
    },
  };
}

/** Every link loses and doubles messages and is slow. */
export function badNetwork({
  perMinute,
  lastsMs = [500, 20_000],
  lossMax = 0.3,
  duplicationMax = 0.3,
  meanMsMax = 100,
}: Common & {
  readonly lossMax?: number | undefined;
  readonly duplicationMax?: number | undefined;
  readonly meanMsMax?: number | undefined;
}): FaultRule {
  return {
    kind: "bad network",
    perMinute,
    draw: (random) => ({
      nodes: [],
      lengthMs: within(random, lastsMs),
      detail: {
        loss: random.next() * lossMax,
        duplication: random.next() * duplicationMax,
        meanMs: random.next() * meanMsMax,
      },
    }),
    begin(world, { detail }) {
      const { network } = world;
      const before = network.law;
      const number = (name: string): number => Number(detail?.[name] ?? 0);
      const latency = { kind: "exponential", minMs: 0, meanMs: number("meanMs") } as const;
      network.setLaw(networkLaw({ loss: number("loss"), duplication: number("duplication"), latency }, before));
      return ending(() => network.setLaw(world.calmLaw));
    },
  };
}

/** The wall clock of a machine is stepped, forth or back, and stays so. */
export function clockJumps({
  nodes,
  perMinute,
  jumpMsMax = 60_000,
}: Omit<OnNodes, "lastsMs"> & { readonly jumpMsMax?: number }): FaultRule {
  return {
    kind: "clock jump",
    perMinute,
    draw: (random) => ({
      nodes: [random.pick(nodes)],
      lengthMs: 0,
      detail: { ms: Math.round((2 * random.next() - 1) * jumpMsMax) },
    }),
    begin(world, { nodes: [name = ""], detail }) {
      world.nodes.get(name)?.machine.jump(Number(detail?.["ms"]));
      return ending(() => undefined);
    },
  };
}

/** The clocks of a machine run too fast or too slow meanwhile, by up to `ppmMax` (default 100,000: a tenth). */
export function clockDrifts({
  nodes,
  perMinute,
  lastsMs = [5_000, 60_000],
  ppmMax = 100_000,
}: OnNodes & { readonly ppmMax?: number | undefined }): FaultRule {
  return {
    kind: "clock drift",
    perMinute,
    draw: (random) => ({
      nodes: [random.pick(nodes)],
      lengthMs: within(random, lastsMs),
      detail: { ppm: Math.round((2 * random.next() - 1) * ppmMax) },
    }),
    begin(world, { nodes: [name = ""], detail }) {
      const machine = world.nodes.get(name)?.machine;
      machine?.drift(Number(detail?.["ppm"]));
      return ending(() => machine?.drift(0));
    },
  };
}

/** A disk has no room, is slow, flips bits, forgets syncs or fails; one of them at a time, of those that are named. Default: full, slow, errors. */
export function badDisks({
  nodes,
  perMinute,
  lastsMs = [100, 20_000],
  what = ["full", "slow", "errors"],
}: OnNodes & { readonly what?: readonly DiskTrouble[] | undefined }): FaultRule {
  return {
    kind: "bad disk",
    perMinute,
    draw: (random) => ({
      nodes: [random.pick(nodes)],
      lengthMs: within(random, lastsMs),
      detail: { what: random.pick(what) },
    }),
    begin(world, { nodes: [name = ""], detail }) {
      const disk = world.nodes.get(name)?.disk;
      disk?.setFaults({ ...soundDisk, ...diskTroubles[detail?.["what"] as DiskTrouble] });
      return ending(() => disk?.setFaults(soundDisk));
    },
  };
}

/** What {@link badDisks} can do. `flips` and `lost syncs` take what was acknowledged: only for code that promises to survive them. */
export type DiskTrouble = "full" | "slow" | "errors" | "flips" | "lost syncs";

const diskTroubles: Readonly<Record<DiskTrouble, Partial<DiskFaults>>> = {
  full: { full: "yes" },
  slow: { slowness: 100 },
  errors: { errors: 0.2 },
  flips: { flips: 0.01 },
  "lost syncs": { lostSyncs: 0.5 },
};

/** A fault that only this scenario knows: a provider that stalls, a store that refuses. `begin` gives what ends it. */
export function ownFault(kind: string, options: Common & { readonly begin: (world: World) => () => void }): FaultRule {
  const { perMinute, lastsMs = [100, 10_000], begin } = options;
  return {
    kind,
    perMinute,
    draw: (random) => ({ nodes: [], lengthMs: within(random, lastsMs) }),
    begin: (world) => ending(begin(world)),
  };
}

function within(random: Random, [fromMs, toMs]: Span): number {
  return fromMs * (toMs / fromMs) ** random.next();
}

function ending(end: () => void): Disposable {
  return { [Symbol.dispose]: end };
}
