import { signalAfter } from "../abort/mod.ts";
import { type Clock, systemClock, type Timer } from "../clock/mod.ts";
import { ring, type Ring } from "../collections/mod.ts";
import { ConfigError, DisposedError, integerIn } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import { type Child, type ChildDefinition, childrenOf } from "./definition.ts";
import { CrashLoopError } from "./errors.ts";
import { lineWriter, type OutputLine } from "./output-system.ts";
import type { ProcessPort } from "./process-port.ts";
import { systemProcesses } from "./process-system.ts";
import type { AddressTable } from "./protocol.ts";
import { type RestartOptions, restartRules } from "./restart-rules.ts";
import type { Running } from "./running.ts";
import { type ChildState, Slot, type SlotSurroundings } from "./slot.ts";

const childChanged = telemetryChannel("ashlar.supervisor.child");

/** What to keep running, and how. */
export interface OpenSupervisorOptions {
  readonly children: readonly ChildDefinition[];
  readonly restart?: RestartOptions | undefined;
  /** Longest time from start to ready, 1 ms to 1 h; then the process is killed, which counts as a death. Default 30 s. */
  readonly readyTimeoutMs?: number | undefined;
  /** Between SIGTERM, or the request to drain, and SIGKILL; 1 ms to 1 h. Default 10 s. */
  readonly stopGraceMs?: number | undefined;
  /** Pause between two beats, 10 ms to 1 min. Default 1 s. */
  readonly heartbeatMs?: number | undefined;
  /** Beats in a row without an answer after which a child is frozen, killed and replaced; 2 to 1,000. Default 10: a busy event loop is not a frozen one. */
  readonly missedMax?: number | undefined;
  /** Longest wait during a reload for all children to go by the new addresses, 0 to 1 min. Default 1 s. */
  readonly tableWaitMs?: number | undefined;
  /** Every line that a child writes. Default: written to the same stream of this process, after the child's name. */
  readonly onOutput?: ((line: OutputLine) => void) | undefined;
  /** What children say beside the protocol. Runs in the channel's turn; what it throws is an uncaught exception. */
  readonly onMessage?:
    | ((from: { readonly name: string; readonly instance: number }, body: unknown) => void)
    | undefined;
  /** The addresses have changed. */
  readonly onTable?: ((table: AddressTable) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** Default: real processes. */
  readonly processes?: ProcessPort | undefined;
}

/** One place and what is in it. */
export interface ChildReport {
  readonly name: string;
  readonly instance: number;
  readonly state: ChildState;
  readonly pid: number | undefined;
  readonly address: string | undefined;
  /** Processes after the first. */
  readonly restarts: number;
  /** Why it is not ready, or how the last process died. */
  readonly reason: string;
  /** How long it has been in this state. */
  readonly forMs: number;
  readonly missedHeartbeats: number;
  /** Messages that are not of the protocol. */
  readonly ignoredMessages: number;
}

/** A change of state, kept for those who come later. */
export interface ChildEvent {
  readonly atMs: number;
  readonly name: string;
  readonly instance: number;
  readonly state: ChildState;
  readonly pid: number | undefined;
  readonly reason: string;
}

/** How a rolling reload went. It stops at the first instance that does not become ready. */
export interface ReloadReport {
  readonly outcome: "replaced" | "kept";
  /** Instances that were replaced. */
  readonly replaced: number;
  readonly reason: string;
}

/** Keeps children running. Closing it stops them in reverse order and resolves when none is left. Idempotent. */
export interface Supervisor extends AsyncDisposable {
  readonly table: AddressTable;
  readonly children: readonly ChildReport[];
  /** The last 256 changes, oldest first. */
  readonly events: readonly ChildEvent[];
  /** Resolves when every child is ready. Rejects with {@link CrashLoopError} once one is given up, with `signal.reason`, or when closed. */
  whenReady(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Replaces the instances of a child one after another without a gap, or starts one that was given up. Calls at the same time share one reload. */
  reload(name: string): Promise<ReloadReport>;
  /** Sends a message to every ready instance of a child; answers how many it was sent to. */
  send(name: string, body: unknown): number;
}

const eventsMax = 256;

/** Starts the children at once: those without `after` together, the others when what they wait for is ready. Throws {@link ConfigError}. */
export async function openSupervisor(options: OpenSupervisorOptions): Promise<Supervisor> {
  return new ProcessSupervisor(options);
}

class ProcessSupervisor implements Supervisor {
  readonly #clock: Clock;
  readonly #children: readonly Child[];
  readonly #slots: readonly Slot[];
  readonly #heartbeatMs: number;
  readonly #tableWaitMs: number;
  readonly #onTable: OpenSupervisorOptions["onTable"];
  readonly #events: Ring<ChildEvent> = ring(eventsMax);
  readonly #reloads = new Map<string, Promise<ReloadReport>>();
  readonly #stale = new Set<Running>();
  readonly #watchers = new Set<() => void>();
  #table: AddressTable = { version: 0, entries: [] };
  #beat: Timer;
  #stopped: Promise<void> | undefined;

  constructor(options: OpenSupervisorOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#heartbeatMs = integerIn("heartbeatMs", options.heartbeatMs ?? 1_000, { min: 10, max: 60_000 });
    this.#tableWaitMs = integerIn("tableWaitMs", options.tableWaitMs ?? 1_000, { min: 0, max: 60_000 });
    this.#onTable = options.onTable;
    this.#children = childrenOf(options.children);
    const around = this.#surroundings(options);
    this.#slots = this.#children.flatMap((child) =>
      Array.from({ length: child.instances }, (_, instance) => new Slot(child, instance, around)),
    );
    this.#beat = this.#setBeat();
    this.#startWaiting();
  }

  get table(): AddressTable {
    return this.#table;
  }

  get children(): readonly ChildReport[] {
    return this.#slots.map((slot) => this.#report(slot));
  }

  get events(): readonly ChildEvent[] {
    return [...this.#events];
  }

  async whenReady(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { signal } = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (signal?.aborted === true || this.#readiness() !== "not yet") resolve();
    };
    this.#watchers.add(look);
    signal?.addEventListener("abort", look);
    look();
    await promise;
    this.#watchers.delete(look);
    signal?.removeEventListener("abort", look);
    signal?.throwIfAborted();
    const readiness = this.#readiness();
    if (readiness instanceof Error) throw readiness;
  }

  reload(name: string): Promise<ReloadReport> {
    const slots = this.#slotsOf(name);
    const flight = this.#reloads.get(name) ?? this.#reload(slots).finally(() => this.#reloads.delete(name));
    this.#reloads.set(name, flight);
    return flight;
  }

  send(name: string, body: unknown): number {
    const ready = this.#slotsOf(name).filter(({ state }) => state === "ready");
    return ready.filter(({ current }) => current?.send({ kind: "message", body }) === "sent").length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    for (const slot of this.#slots) slot.seal();
    this.#beat.cancel();
    this.#watch();
    const ends = new Map<string, Promise<unknown>>();
    for (const { name } of this.#children.toReversed()) {
      const dependents = this.#children.filter(({ after }) => after.includes(name));
      const gone = dependents.flatMap((child) => ends.get(child.name) ?? []);
      const stop = (): Promise<unknown> => Promise.all(this.#slotsOf(name).map((slot) => slot.stop()));
      ends.set(name, Promise.all(gone).then(stop));
    }
    await Promise.all(ends.values());
  }

  async #reload(slots: readonly Slot[]): Promise<ReloadReport> {
    let replaced = 0;
    for (const slot of slots) {
      const outcome = await slot.reload();
      if (outcome.kind === "kept") return { outcome: "kept", replaced, reason: outcome.reason };
      replaced++;
    }
    return { outcome: "replaced", replaced, reason: "" };
  }

  #surroundings(options: OpenSupervisorOptions): SlotSurroundings {
    const times = { min: 1, max: 3_600_000 };
    return {
      clock: this.#clock,
      random: options.random ?? systemRandom,
      processes: options.processes ?? systemProcesses,
      rules: restartRules(options.restart),
      readyTimeoutMs: integerIn("readyTimeoutMs", options.readyTimeoutMs ?? 30_000, times),
      stopGraceMs: integerIn("stopGraceMs", options.stopGraceMs ?? 10_000, times),
      missedMax: integerIn("missedMax", options.missedMax ?? 10, { min: 2, max: 1_000 }),
      onOutput: options.onOutput ?? lineWriter(),
      onMessage: options.onMessage ?? (() => undefined),
      onHello: (running) => this.#tell(running),
      publish: () => this.#publish(),
      settled: (version) => this.#settled(version),
      changed: (slot) => this.#changed(slot),
    };
  }

  #slotsOf(name: string): Slot[] {
    const slots = this.#slots.filter(({ child }) => child.name === name);
    if (slots.length === 0) throw new ConfigError("name", name, "the name of a child");
    return slots;
  }

  #report(slot: Slot): ChildReport {
    const { child, instance, state, restarts, current, ignoredMessages } = slot;
    const isWaiting = state === "waiting";
    const reason = isWaiting ? `waits for ${this.#missing(child).join(", ")}` : slot.reason;
    return {
      name: child.name,
      instance,
      state,
      pid: current?.pid,
      address: current?.address,
      restarts,
      reason,
      forMs: this.#clock.monotonic() - slot.sinceMs,
      missedHeartbeats: current?.missedHeartbeats ?? 0,
      ignoredMessages,
    };
  }

  /** What a child still waits for. */
  #missing({ after }: Child): string[] {
    return after.filter((name) => this.#slotsOf(name).some(({ state }) => state !== "ready"));
  }

  #startWaiting(): void {
    for (const slot of this.#slots)
      if (slot.state === "waiting" && this.#missing(slot.child).length === 0) slot.start();
  }

  #changed(slot: Slot): void {
    const { child, instance, state, reason, restarts } = slot;
    const pid = slot.current?.pid;
    this.#events.push({ atMs: this.#clock.now(), name: child.name, instance, state, pid, reason });
    if (childChanged.active) childChanged.publish({ child: child.name, instance, state, pid, restarts, reason });
    if (state === "ready") this.#startWaiting();
    this.#watch();
  }

  #watch(): void {
    for (const look of this.#watchers) look();
  }

  #readiness(): "ready" | "not yet" | Error {
    if (this.#slots.every(({ state }) => state === "ready")) return "ready";
    if (this.#stopped !== undefined || this.#slots.some(({ state }) => state === "stopped"))
      return new DisposedError("the supervisor");
    const failed = this.#slots.find(({ state }) => state === "failed");
    return failed === undefined ? "not yet" : new CrashLoopError(failed.child.name, failed.instance, failed.reason);
  }

  #publish(): number {
    const entries = this.#slots.flatMap(({ child, instance, state, current }) => {
      const address = state === "ready" ? current?.address : undefined;
      return address === undefined ? [] : [{ name: child.name, instance, address }];
    });
    this.#table = { version: this.#table.version + 1, entries };
    for (const running of this.#listening()) this.#tell(running);
    this.#onTable?.(this.#table);
    return this.#table.version;
  }

  /** A child that does not read gets the newest table when it reads again, not all those between. */
  #tell(running: Running): void {
    const isFull = running.send({ kind: "table", ...this.#table }) === "full";
    if (isFull) this.#stale.add(running);
    else this.#stale.delete(running);
  }

  async #settled(version: number): Promise<void> {
    using limit = signalAfter(this.#clock, this.#tableWaitMs, () => "told long enough");
    await Promise.all(this.#listening().map((running) => running.seen(version, limit.signal)));
  }

  #listening(): Running[] {
    return this.#slots.flatMap(({ listening }) => listening);
  }

  #setBeat(): Timer {
    return this.#clock.setTimer(this.#heartbeatMs, () => {
      for (const slot of this.#slots) slot.tick();
      // Taken out first, because telling may put one back: a set that grows while it is walked has no end.
      const stale = [...this.#stale];
      this.#stale.clear();
      for (const running of stale) if (running.isListening) this.#tell(running);
      this.#beat = this.#setBeat();
    });
  }
}
