import { type Machine, openSqliteEngine, type ProcessIdentity, type SqliteEngine } from "../../engine/sqlite/mod.ts";
import { invariant, KitError } from "../../errors/mod.ts";
import type { Random } from "../../random/mod.ts";
import type { NodeHost, World } from "../mod.ts";
import { DiskFiles, type Tear, torn } from "./disk-files-system.ts";
import { fencedEngine } from "./fenced-engine.ts";
import { type StatementKind, type WatchedConnection, watchedConnection } from "./watched-connection-system.ts";

/** The process of a statement is dead. Nobody outside of the engine ever sees it. */
class ProcessDeadError extends KitError {
  readonly code = "SIMULATION_PROCESS_DEAD";
  readonly retryable = false;
}

/** Where a process dies: at its `statement`-th statement that writes from now on (1 is the next), before it runs or after it has. */
export interface CrashPoint {
  readonly statement: number;
  readonly when: "before" | "after";
  /** `machine`: the power fails, for every process on the disk. Default `process`. */
  readonly kind?: "process" | "machine" | undefined;
}

/** How the engines on a disk are opened. */
export interface DiskOptions {
  readonly durability: "process" | "disk";
  readonly maintenanceMs?: number | undefined;
  readonly busyMaxMs?: number | undefined;
}

interface OpenProcess {
  readonly identity: ProcessIdentity;
  readonly connections: WatchedConnection[];
  statements: number;
  crash: CrashPoint | undefined;
  engine: SqliteEngine | undefined;
  state: "alive" | "dead";
}

const disks = new WeakMap<World, SimulatedDisk>();

/** The disk of a world, for what a plan does to it. */
export function diskOf(world: World): SimulatedDisk {
  const disk = disks.get(world);
  invariant(disk !== undefined, "the scenario has made its disk before chaos begins");
  return disk;
}

/**
 * The disk of one simulated machine with one SQLite file, which any number of nodes share: the processes of that machine. Real SQLite on real
 * files; what dies, and what a power cut leaves of the files, is simulated.
 */
export class SimulatedDisk implements Disposable {
  readonly #world: World;
  readonly #options: DiskOptions;
  readonly #files = new DiskFiles();
  readonly #random: Random;
  readonly #processes = new Map<string, OpenProcess>();
  /** Connections of the dead. */
  readonly #graves: WatchedConnection[] = [];
  #boot = 1;
  #pids = 0;

  constructor(world: World, options: DiskOptions) {
    this.#world = world;
    disks.set(world, this);
    this.#options = options;
    this.#random = world.random("disk");
  }

  /** Opens the file for a process. Nothing that the process began comes to anything after its death. */
  async open(host: NodeHost): Promise<SqliteEngine> {
    const process: OpenProcess = {
      identity: { pid: ++this.#pids, started: "1", boot: `boot ${this.#boot}`, namespace: "simulation" },
      connections: [],
      statements: 0,
      crash: undefined,
      engine: undefined,
      state: "alive",
    };
    this.#processes.set(host.name, process);
    host.attach({ die: () => this.#die(process) });
    const { durability, maintenanceMs = 10_000, busyMaxMs = 10_000 } = this.#options;
    const opening = openSqliteEngine({
      path: this.#files.path,
      durability,
      maintenanceMs,
      busyMaxMs,
      clock: host.clock,
      random: host.random.stream("sqlite"),
      machine: this.#machineOf(host, process),
    });
    const engine = await host.fence(opening);
    this.#files.keep();
    process.engine = fencedEngine(engine, host);
    return process.engine;
  }

  /** Statements that write which the present process of the node has run. */
  statementsOf(node: string): number {
    return this.#processes.get(node)?.statements ?? 0;
  }

  /** Lets the present process of the node die at a statement to come; `undefined`: not any more. */
  crashAt(node: string, point: CrashPoint | undefined): void {
    const process = this.#processes.get(node);
    if (process === undefined) return;
    process.crash = point === undefined ? undefined : { ...point, statement: process.statements + point.statement };
  }

  /** Whether the disk has room for what the present process of the node writes. */
  setFull(node: string, full: "yes" | "no"): void {
    const process = this.#processes.get(node);
    if (process?.engine === undefined || process.state === "dead") return;
    this.#world.sometimes(`disk: full ${full}`);
    process.engine.limitSize(full === "yes" ? 1 : undefined).catch(() => undefined); // busy, or dead by now
  }

  /** Takes back what `crashAt` has said of the present process of the node. */
  spare(node: string): void {
    const process = this.#processes.get(node);
    if (process !== undefined) process.crash = undefined;
  }

  /** The power fails: every process on this disk dies, and of what was not synced `tear` reaches the medium. */
  powerCut(tear: Tear): void {
    // With `disk`, every commit is synced; what lies behind the last one is no part of any.
    const log = this.#options.durability === "disk" ? this.#files.readLog() : this.#files.tornLog(tear, this.#random);
    this.#cut({ log });
  }

  [Symbol.dispose](): void {
    for (const process of this.#processes.values()) this.#die(process);
    for (const connection of this.#graves) connection.bury();
    this.#files[Symbol.dispose]();
  }

  #cut(image: { readonly log: Buffer; readonly database?: Buffer }): void {
    this.#world.sometimes("disk: power cut");
    for (const name of this.#processes.keys()) this.#world.nodes.get(name)?.crash("machine");
    this.#files.powerCut(image);
    this.#processes.clear();
    this.#boot++;
  }

  #machineOf(host: NodeHost, process: OpenProcess): Machine {
    const isGone = ({ pid, boot }: ProcessIdentity): boolean =>
      boot === process.identity.boot && !this.#livingPids().has(pid);
    return {
      clock: host.clock,
      identity: process.identity,
      isGone,
      isNeighbour: (other) => other.boot === process.identity.boot && !isGone(other),
      watch: () => undefined,
      connect: (path, options = {}) => {
        this.#refuseDead(process);
        const connection = watchedConnection(path, options, (kind, run) => this.#around(host, process, { kind, run }));
        process.connections.push(connection);
        return connection.database;
      },
    };
  }

  #livingPids(): ReadonlySet<number> {
    return new Set([...this.#processes.values()].filter(({ state }) => state === "alive").map((p) => p.identity.pid));
  }

  #around<T>(
    host: NodeHost,
    process: OpenProcess,
    { kind, run }: { readonly kind: StatementKind; readonly run: () => T },
  ): T {
    this.#refuseDead(process);
    if (kind === "read") return run();
    process.statements++;
    const isLast = process.crash?.statement === process.statements;
    if (isLast && process.crash?.kind === "machine") return this.#powerFailsAt(process, { kind, run });
    if (isLast && process.crash?.when === "before") this.#crash(host, process, kind);
    const result = run();
    if (kind === "checkpoint") this.#files.logSynced();
    if (isLast) this.#crash(host, process, kind);
    return result;
  }

  /** While the statement runs: what it writes is on the medium in parts. Of a commit of class `disk` nobody has heard yet. */
  #powerFailsAt<T>(
    process: OpenProcess,
    { kind, run }: { readonly kind: StatementKind; readonly run: () => T },
  ): never {
    const tear = this.#random.pick(["nothing", "everything", "a beginning", "some sectors"] as const);
    const before = { log: this.#files.readLog(), database: this.#files.readDatabase() };
    if (kind === "commit" || kind === "checkpoint") run();
    const after = { log: this.#files.readLog(), database: this.#files.readDatabase() };
    this.#world.sometimes(`disk: power cut in a ${kind}`);
    if (kind === "checkpoint")
      this.#cut({ log: after.log, database: this.#tornDatabase(before.database, after.database) });
    else if (this.#options.durability === "disk")
      this.#cut({ log: torn({ before: before.log, after: after.log, tear }, this.#random) });
    else this.#cut({ log: this.#files.tornLog(tear, this.#random) });
    throw new ProcessDeadError(`process ${process.identity.pid} lost its power`);
  }

  #tornDatabase(before: Buffer, after: Buffer): Buffer {
    return torn({ before, after, tear: "some sectors" }, this.#random);
  }

  #crash(host: NodeHost, process: OpenProcess, kind: StatementKind): never {
    this.#world.sometimes(`disk: crash ${process.crash?.when} a ${kind}`);
    this.#world.nodes.get(host.name)?.crash("process");
    throw new ProcessDeadError(`process ${process.identity.pid} died`);
  }

  #refuseDead({ state, identity }: OpenProcess): void {
    if (state === "dead") throw new ProcessDeadError(`process ${identity.pid} is dead`);
  }

  // What a dead process had open is rolled back by whoever comes next.
  #die(process: OpenProcess): void {
    process.state = "dead";
    for (const connection of process.connections) connection.rollBack();
    this.#graves.push(...process.connections.splice(0));
  }
}
