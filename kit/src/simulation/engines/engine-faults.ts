import type { Random } from "../../random/mod.ts";
import type { FaultRule, World } from "../mod.ts";
import { diskOf, type SimulatedDisk } from "./simulated-disk.ts";
import { type StoreFaults, storeOf } from "./simulated-store.ts";

/** How often something happens, and to whom. */
export interface EngineFaultOptions {
  /** Nodes that it may hit, one at a time. */
  readonly nodes: readonly string[];
  /** On average, while there is chaos. */
  readonly perMinute: number;
}

/** The way of a node to the world's {@link SimulatedStore} is bad: calls are refused as busy or full, or are slow, or bells are lost. */
export function badStore({ nodes, perMinute }: EngineFaultOptions): FaultRule {
  return {
    kind: "bad store",
    perMinute,
    draw: (random) => ({
      nodes: [random.pick(nodes)],
      lengthMs: within(random, 100, 4_000),
      detail: { ...trouble(random) },
    }),
    begin(world, { nodes: [node = ""], detail }) {
      const store = storeOf(world);
      store.setFaults(node, detail as StoreFaults);
      return ending(() => store.setFaults(node, {}));
    },
  };
}

function trouble(random: Random): Record<string, number | string> {
  switch (random.integer(0, 3)) {
    case 0:
      return { refused: random.pick([0.3, 1]), refusal: random.pick(["busy", "full"]) };
    case 1:
      return { delayMaxMs: random.pick([20, 300, 2_000]) };
    case 2:
      return { bellsLost: 1 };
    default:
      return { refused: 0.2, refusal: "busy", delayMaxMs: 100, bellsLost: 0.5 };
  }
}

/** A process on the world's {@link SimulatedDisk} dies at some statement, before or after it, and is started again when the fault is over. */
export function deathsAtStatements({ nodes, perMinute }: EngineFaultOptions): FaultRule {
  return {
    kind: "death at a statement",
    perMinute,
    draw: (random) => ({
      nodes: [random.pick(nodes)],
      lengthMs: within(random, 50, 5_000),
      detail: { statement: random.integer(1, 60), when: random.pick(["before", "after"]) },
    }),
    begin(world, { nodes: [name = ""], detail }) {
      const disk = diskOf(world);
      const when = detail?.["when"] === "before" ? "before" : "after";
      disk.crashAt(name, { statement: Number(detail?.["statement"]), when });
      return ending(() => (disk.crashAt(name, undefined), startAgain(world, [name])));
    },
  };
}

/** The power of the machine fails that all processes on the world's {@link SimulatedDisk} run on: at once, or at a statement of one of them. */
export function powerCuts({ nodes, perMinute }: EngineFaultOptions): FaultRule {
  return {
    kind: "power cut",
    perMinute,
    draw: (random) => ({
      nodes,
      lengthMs: within(random, 50, 5_000),
      detail: { statement: random.integer(0, 60), at: random.pick(nodes) },
    }),
    begin(world, { detail }) {
      const disk = diskOf(world);
      const at = String(detail?.["at"]);
      const statement = Number(detail?.["statement"]);
      if (statement === 0) disk.powerCut("some sectors");
      else disk.crashAt(at, { statement, when: "after", kind: "machine" });
      return ending(() => (disk.crashAt(at, undefined), startAgain(world, nodes)));
    },
  };
}

/** The wall clock of the machine that these nodes are processes of is stepped, forth or back, for all of them. */
export function machineClockJumps({
  nodes,
  perMinute,
  jumpMsMax,
}: EngineFaultOptions & { readonly jumpMsMax: number }): FaultRule {
  return {
    kind: "clock jump",
    perMinute,
    draw: (random) => ({ nodes, lengthMs: 0, detail: { ms: Math.round((2 * random.next() - 1) * jumpMsMax) } }),
    begin(world, { detail }) {
      for (const name of nodes) world.nodes.get(name)?.machine.jump(Number(detail?.["ms"]));
      return ending(() => undefined);
    },
  };
}

/** The disk is full for a process: its statements that need room fail, and others pass. */
export function fullDisks({ nodes, perMinute }: EngineFaultOptions): FaultRule {
  return {
    kind: "full disk",
    perMinute,
    draw: (random) => ({ nodes: [random.pick(nodes)], lengthMs: within(random, 50, 5_000) }),
    begin(world, { nodes: [name = ""] }) {
      const disk: SimulatedDisk = diskOf(world);
      disk.setFull(name, "yes");
      return ending(() => disk.setFull(name, "no"));
    },
  };
}

function startAgain(world: World, names: readonly string[]): void {
  for (const name of names) {
    const node = world.nodes.get(name);
    if (node?.state === "down") void node.start();
  }
}

function within(random: Random, fromMs: number, toMs: number): number {
  return fromMs * (toMs / fromMs) ** random.next();
}

function ending(end: () => void): Disposable {
  return { [Symbol.dispose]: end };
}
