import type { Engine, TransactionalEngine } from "ashlar/engine";
import type { SqliteSql } from "ashlar/engine/sqlite";
import type { Violation } from "ashlar/simulation/checkers";
import {
  badStore,
  deathsAtStatements,
  fullDisks,
  machineClockJumps,
  powerCuts,
  SimulatedDisk,
  SimulatedStore,
} from "ashlar/simulation/engines";
import {
  clockDrifts,
  clockJumps,
  crashes,
  type FaultRule,
  type NodeHost,
  pauses,
  restarts,
  type SimulatedNode,
  type World,
} from "ashlar/simulation";

/** Which engine a proof runs on: memory; SQLite of class `process` and `disk`. */
export type BedKind = "memory" | "sqlite" | "disk";

/** An engine as a node has it: with transactions where it can. */
export type BedEngine = Engine & Partial<Pick<TransactionalEngine<SqliteSql>, "transaction">>;

/** What the nodes of a proof stand on. */
export interface Bed {
  /** The engine of a process. */
  open(host: NodeHost): Promise<BedEngine>;
  /** A process whose only purpose is to look, in calm. */
  look(): Promise<BedEngine>;
  /** Resolves when everything that was asked of the engine so far has reached it, also what processes asked that are dead by now. */
  arrived(): Promise<void>;
  /** The latest time that the engines' clock has shown. */
  readonly latestMs: number;
}

export function openBed(world: World, kind: BedKind): Promise<Bed> {
  return kind === "memory" ? memoryBed(world) : diskBed(world, kind);
}

/** Every fault that nodes and their engine can meet. */
export function bedFaults(kind: BedKind, nodes: readonly string[], perMinute: number): readonly FaultRule[] {
  const common = [
    crashes({ nodes, perMinute: perMinute * 2, lastsMs: [10, 2_000], what: "process" }),
    restarts({ nodes, perMinute, lastsMs: [10, 1_000] }),
    pauses({ nodes, perMinute: perMinute * 2, lastsMs: [200, 4_000] }),
  ];
  if (kind === "memory")
    return [
      ...common,
      badStore({ nodes, perMinute: perMinute * 2 }),
      clockJumps({ nodes: ["store"], perMinute: perMinute / 2, jumpMsMax: 5_000 }),
      clockDrifts({ nodes: [...nodes, "store"], perMinute }),
    ];
  const sqlite = [
    ...common,
    deathsAtStatements({ nodes, perMinute: perMinute * 2 }),
    fullDisks({ nodes, perMinute: perMinute / 2 }),
    machineClockJumps({ nodes, perMinute: perMinute / 2, jumpMsMax: 5_000 }),
  ];
  return kind === "disk" ? [...sqlite, powerCuts({ nodes, perMinute })] : sqlite;
}

async function memoryBed(world: World): Promise<Bed> {
  const store = new SimulatedStore(world);
  await store.node.start();
  const engine = await store.engine;
  let latestMs = 0;
  return {
    open: (host) => store.open(host),
    look: async () => engine,
    arrived: () => store.arrived(),
    get latestMs() {
      return (latestMs = Math.max(latestMs, engine.clock.now()));
    },
  };
}

async function diskBed(world: World, kind: "sqlite" | "disk"): Promise<Bed> {
  const durability = kind === "disk" ? "disk" : "process";
  const disk = world.resources.use(new SimulatedDisk(world, { durability, maintenanceMs: 1_000 }));
  const looker: { engine?: BedEngine } = {};
  const node: SimulatedNode = world.node("looker", {
    start: async (host) => {
      looker.engine = await disk.open(host);
    },
  });
  let latestMs = 0;
  return {
    open: async (host) => {
      const engine = await disk.open(host);
      latestMs = Math.max(latestMs, host.clock.now());
      return engine;
    },
    look: async () => {
      if (node.state !== "up") await node.start();
      if (looker.engine === undefined) throw new Error("the looker has no engine");
      return looker.engine;
    },
    arrived: async () => undefined, // the engine is in the process, and dies with it
    get latestMs() {
      for (const { machine } of world.nodes.values()) latestMs = Math.max(latestMs, machine.wallMs);
      return latestMs;
    },
  };
}

/** Throws when there are violations, with all of them. */
export function refuse(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const texts = violations.map(({ rule, message, evidence }) => `${rule}: ${message}\n  ${JSON.stringify(evidence)}`);
  throw new Error(texts.join("\n").slice(0, 4_000));
}

/** One violation with its evidence, or none when there is none. */
export function broken(rule: string, message: string, evidence: readonly unknown[]): readonly Violation[] {
  return evidence.length === 0 ? [] : [{ rule, message, evidence }];
}

/** What the engine finds when it looks at itself, where it can. */
export async function soundEngine(engine: BedEngine): Promise<readonly Violation[]> {
  if (!("verify" in engine) || typeof engine.verify !== "function") return [];
  return broken("engine: verify", "the engine finds faults in itself", (await engine.verify()) as readonly unknown[]);
}
