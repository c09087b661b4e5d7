// Processes that exist only in a test: they answer the protocol by themselves, until told to misbehave.
import { type ManualClock, manualClock } from "../clock/mod.ts";
import { seededRandom } from "../random/mod.ts";
import {
  openSupervisor,
  type OpenSupervisorOptions,
  type ProcessHandle,
  type ProcessListener,
  type ProcessPort,
  type Supervisor,
} from "./mod.ts";

/** A message as a test reads it. */
type Message = Readonly<Partial<Record<string, unknown>>>;

export interface Habits {
  /** What it does when started: is ready, never is, or exits. */
  start: "ready" | "never" | "exit";
  /** Whether it answers pings and tables. */
  answers: "all" | "nothing";
  /** What SIGTERM and drain do. */
  leaves: "when asked" | "only by SIGKILL" | "never";
  /** Whether the channel takes messages. */
  channel: "open" | "full";
}

export class FakeProcess implements ProcessHandle {
  readonly pid: number;
  readonly name: string;
  readonly instance: number;
  readonly habits: Habits;
  readonly told: Message[] = [];
  readonly kills: string[] = [];
  readonly #listener: ProcessListener;
  readonly #log: string[];
  isAlive = true;

  constructor(
    identity: { pid: number; name: string; instance: number },
    habits: Habits,
    rim: { listener: ProcessListener; log: string[] },
  ) {
    this.pid = identity.pid;
    this.name = identity.name;
    this.instance = identity.instance;
    this.habits = { ...habits };
    this.#listener = rim.listener;
    this.#log = rim.log;
    this.#log.push(`start ${this.name}#${this.instance}`);
    queueMicrotask(() => this.#begin());
  }

  send(message: object): "sent" | "full" | "closed" {
    if (!this.isAlive) return "closed";
    if (this.habits.channel === "full") return "full";
    const fields = message as Message;
    this.told.push(fields);
    if (this.habits.answers === "all") this.#answer(fields);
    return "sent";
  }

  kill(signal: "SIGTERM" | "SIGKILL"): void {
    if (!this.isAlive) return;
    this.kills.push(signal);
    const dies = signal === "SIGKILL" ? this.habits.leaves !== "never" : this.habits.leaves === "when asked";
    if (dies) queueMicrotask(() => this.die({ code: null, signal }));
  }

  say(message: unknown): void {
    if (this.isAlive) this.#listener.message(message);
  }

  write(stream: "stdout" | "stderr", text: string): void {
    this.#listener.output(stream, text);
  }

  die(ending: { code: number | null; signal: string | null; error?: unknown } = { code: 1, signal: null }): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#log.push(`end ${this.name}#${this.instance}`);
    this.#listener.exit(ending);
  }

  toldTable(): Message | undefined {
    return this.told.findLast(({ kind }) => kind === "table");
  }

  #begin(): void {
    if (this.habits.start === "exit") return this.die();
    this.say({ kind: "hello" });
    if (this.habits.start === "ready") this.say({ kind: "ready", address: `host:${this.pid}` });
  }

  #answer({ kind, version }: Message): void {
    queueMicrotask(() => {
      if (this.habits.answers === "nothing") return;
      if (kind === "ping") this.say({ kind: "heartbeat" });
      if (kind === "table") this.say({ kind: "seen", version });
      if (kind === "drain" && this.habits.leaves === "when asked") this.die({ code: 0, signal: null });
    });
  }
}

export interface World {
  readonly clock: ManualClock;
  readonly supervisor: Supervisor;
  /** Every process that was ever started, in order. */
  readonly started: readonly FakeProcess[];
  /** Starts and ends in order. */
  readonly log: readonly string[];
  /** What processes that are started from now on do. */
  readonly habits: Habits;
  /** The last process of a place. */
  readonly last: (name: string, instance?: number) => FakeProcess;
  readonly states: () => string[];
}

/** A supervisor over fake processes, settled. */
export async function world(
  options: Partial<OpenSupervisorOptions> = {},
  changed: Partial<Habits> = {},
): Promise<World> {
  const clock = manualClock();
  const started: FakeProcess[] = [];
  const log: string[] = [];
  const habits: Habits = { start: "ready", answers: "all", leaves: "when asked", channel: "open", ...changed };
  const processes: ProcessPort = {
    spawn(child, instance, listener) {
      const process = new FakeProcess({ pid: 100 + started.length, name: child.name, instance }, habits, {
        listener,
        log,
      });
      started.push(process);
      return process;
    },
  };
  const supervisor = await openSupervisor({
    clock,
    random: seededRandom(7),
    processes,
    children: [{ name: "orders", module: "orders.ts" }],
    heartbeatMs: 1_000,
    missedMax: 3,
    stopGraceMs: 500,
    readyTimeoutMs: 2_000,
    onOutput: () => undefined,
    ...options,
  });
  await clock.settle();
  const last = (name: string, instance = 0): FakeProcess => {
    const found = started.findLast((process) => process.name === name && process.instance === instance);
    if (found === undefined) throw new Error(`${name}#${instance} was never started`);
    return found;
  };
  const states = (): string[] => supervisor.children.map(({ name, instance, state }) => `${name}#${instance} ${state}`);
  return { clock, supervisor, started, log, habits, last, states };
}
