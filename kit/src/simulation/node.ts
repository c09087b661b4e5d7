import type { Clock } from "../clock/mod.ts";
import { gate } from "../abort/mod.ts";
import { invariant } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import type { Counters } from "./counters.ts";
import { type Disk, ProcessDisk } from "./disk.ts";
import { DiskState } from "./disk-state.ts";
import type { Strand } from "./event-source.ts";
import type { Kernel } from "./kernel.ts";
import type { Network } from "./network.ts";
import { type ClockSkew, MachineTime, NodeClock } from "./node-clock.ts";
import { type NodeNetwork, ProcessNetwork } from "./node-network.ts";
import { ProcessSockets, type Sockets } from "./sockets.ts";
import type { Waits } from "./waits.ts";

/** What a process in the world is given instead of the machine. Dies with the process: nothing that it began ever ends. */
export interface NodeHost {
  readonly name: string;
  /** 1 for the first process of the node, 2 after its first restart … */
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: NodeNetwork;
  readonly disk: Disk;
  readonly sockets: ProcessSockets;
  /** The same for every run: nothing of the machine shines through. */
  readonly environment: Readonly<Record<string, string>>;
  /** Aborted when the process is told to stop. */
  readonly stopping: AbortSignal;
  /** Waits for something real while virtual time stands still; see `Kernel.outside`. */
  outside<T>(work: () => Promise<T>): Promise<T>;
  /** The same result, but nothing once the process is dead. For promises that come from outside of the process. */
  fence<T>(promise: Promise<T>): Promise<T>;
  /** The same promise, listed under `what` when a run is stuck. */
  waits<T>(what: string, promise: Promise<T>): Promise<T>;
  /** Lets something that the process holds outside of it (a connection, a lock) go when it dies. */
  attach(part: ProcessPart): void;
}

/** What runs on a node. */
export interface NodeDefinition {
  /** Called at each start. What it returns is closed when the node is stopped (not when it crashes). When it fails, it is called again after `restartMs`. */
  readonly start: (host: NodeHost) => Promise<AsyncDisposable | void> | AsyncDisposable | void;
  readonly clock?: ClockSkew | undefined;
  /** Pause before a process that could not start is started again. Default 1 s. */
  readonly restartMs?: number | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** `process`: the program dies, the machine goes on. `machine`: the power fails. */
export type CrashKind = "process" | "machine";

/** What a node shares with the world. */
export interface NodeParts {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly sockets: Sockets;
  readonly counters: Counters;
  readonly waits: Waits;
}

/** What a node is doing; `down` has no process. */
export type NodeState = "down" | "starting" | "up" | "stopping";

/** What goes with a process when it dies. */
export interface ProcessPart {
  die(kind: CrashKind): void;
}

/** A machine of the world with one process on it. Made by `World.node`. */
export class SimulatedNode {
  readonly name: string;
  readonly machine: MachineTime;
  /** The files of the machine, and what is wrong with them. */
  readonly disk: DiskState;
  readonly #definition: NodeDefinition;
  readonly #parts: NodeParts;
  readonly #strand: Strand;
  readonly #random: Random;
  readonly #died: (() => void)[] = [];
  #epoch = 0;
  #state: NodeState = "down";
  #process: Process | undefined;

  constructor(name: string, definition: NodeDefinition, parts: NodeParts) {
    this.name = name;
    this.#definition = definition;
    this.#parts = parts;
    this.#strand = parts.kernel.strand(name);
    this.#random = parts.kernel.random.stream(`node ${name}`);
    this.machine = new MachineTime(parts.kernel, definition.clock);
    this.disk = new DiskState(parts.kernel.random.stream(`disk ${name}`));
  }

  get state(): NodeState {
    return this.#state;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Starts a process. Resolves when it is up, or dead again. */
  async start(): Promise<void> {
    invariant(this.#state === "down", "only a node that is down can be started");
    const process = this.#newProcess();
    this.#state = "starting";
    const { waits, counters, kernel } = this.#parts;
    try {
      const opening = this.#outcomeOf(process, this.#begun(process));
      const opened = await waits.until(this.name, "its start", opening);
      if (this.#process !== process) return;
      process.opened = opened ?? undefined;
      this.#state = "up";
    } catch (error) {
      counters.count("node: could not start");
      kernel.note(`${this.name} could not start: ${String(error)}`);
      this.crash("process");
      const again = kernel.source(this.#strand, "start again");
      kernel.schedule(again, kernel.nowMs + (this.#definition.restartMs ?? 1_000), () => {
        if (this.#state === "down") void this.start();
      });
    }
  }

  /** Kills the process at once: no timer, message or promise of it comes to anything, and no `finally` runs. A node that is down stays down. */
  crash(kind: CrashKind): void {
    const process = this.#process;
    this.#process = undefined;
    this.#state = "down";
    for (const part of process?.parts ?? []) part.die(kind);
    if (kind === "machine") this.disk.losePower();
    const { kernel, network, waits } = this.#parts;
    kernel.clear(this.#strand);
    for (const strand of [this.#strand, network.inbound(this.name)]) strand.pausedUntilMs = 0;
    waits.forget(this.name);
    for (const told of this.#died.splice(0)) told();
  }

  /** Tells the process to end, lets it close what it has opened, and kills it after `graceMs` (default 10 s), or when it cannot close. */
  async stop(graceMs: number = 10_000): Promise<void> {
    const process = this.#process;
    if (process === undefined || this.#state !== "up") return this.crash("process");
    this.#state = "stopping";
    const { kernel, waits, counters } = this.#parts;
    const kill = (): void => this.crash("process");
    const killer = kernel.schedule(kernel.source(this.#strand, "kill"), kernel.nowMs + graceMs, kill);
    process.stopping.abort(new Error(`${this.name} is stopped`));
    const closed = Promise.resolve(process.opened?.[Symbol.asyncDispose]());
    await waits.until(this.name, "its stop", this.#outcomeOf(process, closed)).catch((error: unknown) => {
      counters.count("node: could not close");
      kernel.note(`${this.name} could not close: ${String(error)}`);
    });
    kernel.cancel(killer);
    if (this.#process === process) kill();
  }

  /** The process stands still, as under SIGSTOP: what falls due or arrives meanwhile is handled afterwards. */
  pause(ms: number): void {
    const { kernel, network } = this.#parts;
    for (const strand of [this.#strand, network.inbound(this.name)]) kernel.pause(strand, kernel.nowMs + ms);
  }

  /** Settles as `work` does, or with undefined when the process dies before: for the harness, which outlives it. */
  #outcomeOf<T>(process: Process, work: Promise<T>): Promise<T | undefined> {
    const outcome = gate<T | undefined>();
    this.#died.push(() => outcome.open(undefined));
    work.then(
      (value) => (this.#process === process ? outcome.open(value) : undefined),
      (error: unknown) => (this.#process === process ? outcome.fail(error) : undefined),
    );
    return outcome.promise;
  }

  // Also what is thrown at once is a rejection.
  async #begun(process: Process): Promise<AsyncDisposable | void> {
    return await this.#definition.start(this.#hostOf(process));
  }

  #newProcess(): Process {
    const { kernel, network } = this.#parts;
    const epoch = ++this.#epoch;
    const clock = new NodeClock(kernel, this.machine, this.#strand);
    const messages = new ProcessNetwork(network, { node: this.name, epoch, clock });
    const disk = new ProcessDisk(this.disk, { kernel, strand: this.#strand, counters: this.#parts.counters });
    const stopping = new AbortController();
    const sockets = new ProcessSockets(this.#parts.sockets, this.name);
    const parts: ProcessPart[] = [clock, messages, disk, sockets];
    this.#process = { epoch, clock, messages, disk, sockets, stopping, parts, opened: undefined };
    return this.#process;
  }

  #hostOf(process: Process): NodeHost {
    const isAlive = (): boolean => this.#process === process;
    return {
      name: this.name,
      epoch: process.epoch,
      clock: process.clock,
      network: process.messages,
      disk: process.disk,
      sockets: process.sockets,
      random: this.#random.stream(`process ${process.epoch}`),
      environment: Object.freeze({ HOSTNAME: this.name, ...this.#definition.environment }),
      stopping: process.stopping.signal,
      outside: (work) => fenced(this.#parts.kernel.outside(work), isAlive),
      fence: (promise) => fenced(promise, isAlive),
      waits: (what, promise) => this.#parts.waits.until(this.name, what, promise),
      attach: (part) => void process.parts.push(part),
    };
  }
}

/** One life of a node's program. */
interface Process {
  readonly epoch: number;
  readonly clock: NodeClock;
  readonly messages: ProcessNetwork;
  readonly disk: ProcessDisk;
  readonly sockets: ProcessSockets;
  readonly stopping: AbortController;
  readonly parts: ProcessPart[];
  opened: AsyncDisposable | undefined;
}

function fenced<T>(promise: Promise<T>, isAlive: () => boolean): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(
      (value) => (isAlive() ? resolve(value) : undefined),
      (error: unknown) => (isAlive() ? reject(error as Error) : undefined),
    );
  });
}
