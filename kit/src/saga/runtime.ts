import type { Timer } from "../clock/mod.ts";
import { turnoverMap, type TurnoverMap } from "../collections/mod.ts";
import {
  type Cell,
  type CellKey,
  type Claim,
  type Engine,
  LeaseLostError,
  type Receipt,
  type Transaction,
  type TransactionalEngine,
} from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { AnySaga } from "./context.ts";
import { Execution } from "./execution.ts";
import type { EndedRun, Ending, Host, Probe } from "./host.ts";
import type { Journal } from "./journal.ts";
import { loadRun } from "./load-run.ts";
import { emptyMailbox, mailboxOf } from "./mailbox.ts";
import { mailCell, queueOf } from "./run-record.ts";

const runs = telemetryChannel("ashlar.saga.run");

// A bell can be lost: idle queues are looked at again after at most this long.
const backstopMs = 5_000;
// Head start of processes that may know the version of a run.
const yieldMs = 250;

// Claims of one look, so that one saga's backlog does not take every free place at once.
const claimsMax = 64;
// Crashes are counted and judged by the saga, which can explain them; the engine must not bury the message before.
const engineCrashesMax = 1_000_000_000;

export interface RuntimeOptions {
  readonly engine: Engine;
  readonly random: Random;
  readonly concurrency: number;
  readonly probe: Probe | undefined;
  /** `key`: `<saga>/<run>`. */
  readonly ended: (key: string, ending: Ending) => void;
}

/** All versions of one saga, and the state of its queue. */
export interface Lane {
  readonly name: string;
  readonly definitions: ReadonlyMap<string, AnySaga>;
  readonly leaseMs: number;
  isLooking: boolean;
  looksAgain: boolean;
  /** Runs wait in the store for a place here: new ones must not overtake them. */
  isStarved: boolean;
  /** It has met runs whose version it does not know: it lets processes that may know them look first. */
  yields: boolean;
  timer: Timer | undefined;
  /** An extension that is under way, which all runs of the saga share. */
  extending: Promise<void> | undefined;
}

/** The executor: claims runs, keeps their leases, and lets at most `concurrency` of them be in progress. */
export class Runtime implements Host {
  readonly engine: Engine;
  readonly random: Random;
  readonly probe: Probe | undefined;
  readonly #lanes: ReadonlyMap<string, Lane>;
  readonly #executions: TurnoverMap<string, Execution> = turnoverMap();
  readonly #concurrency: number;
  readonly #ended: RuntimeOptions["ended"];
  readonly #bells = new DisposableStack();
  readonly #idle: (() => void)[] = [];
  #closing: Promise<void> | undefined;
  #used = 0;
  /** Those of the used places that looks hold for what they may find. */
  #held = 0;
  #isClosing = false;

  constructor(options: RuntimeOptions, lanes: ReadonlyMap<string, Lane>) {
    this.engine = options.engine;
    this.random = options.random;
    this.probe = options.probe;
    this.#concurrency = options.concurrency;
    this.#ended = options.ended;
    this.#lanes = lanes;
  }

  open(): void {
    for (const lane of this.#lanes.values()) {
      this.#bells.use(this.engine.bell([`queue:${queueOf(lane.name)}`], () => this.#look(lane)));
      this.#bells.use(this.engine.bell([`cells:saga-mail:${lane.name}`], () => void this.#readMail(lane)));
      this.#keepLeases(lane);
      this.#look(lane);
    }
  }

  isHere(key: string): boolean {
    return this.#executions.has(key);
  }

  /** A place for a run that is started and claimed in one commit; refused while runs in the store are known to wait. Places that a look
   *  at the store holds only in case may be taken: else one start that is refused would have to be looked for, and refuse the next. */
  reserve(saga: string): "reserved" | "full" {
    const lane = this.#lanes.get(saga);
    if (lane === undefined || lane.isStarved || this.#isClosing) return "full";
    if (this.#used - this.#held >= this.#concurrency) return "full";
    this.#used++;
    return "reserved";
  }

  free(): void {
    this.#used--;
    if (this.#isClosing && this.#used === 0) for (const tell of this.#idle.splice(0)) tell();
    if (this.#isClosing) return;
    for (const lane of this.#lanes.values()) if (lane.isStarved) this.#look(lane);
  }

  /** Begins a run whose place is reserved and whose message is held since it was asked for. */
  execute(
    definition: AnySaga,
    journal: Journal,
    held: { readonly receipt: Receipt; readonly askedAtMs: number },
  ): void {
    const { receipt, askedAtMs } = held;
    const execution = new Execution(this, definition, { journal, receipt, mailbox: emptyMailbox, afterCrash: "no" });
    const leaseMs = this.#lanes.get(definition.name)?.leaseMs ?? 0;
    execution.leaseCertainUntilMs = askedAtMs + leaseMs;
    this.run(execution, "started");
  }

  run(execution: Execution, how: "started" | "resumed"): void {
    const former = this.#executions.get(execution.key);
    this.#executions.set(execution.key, execution);
    // The store has given the run away once more, to this process: whoever had it before cannot write any more.
    former?.end({ kind: "lost", error: new LeaseLostError(former.receipt.queue, former.receipt.id) });
    if (runs.active) this.#tell(execution, how);
    if (this.#isClosing) execution.drain();
    void execution.begin();
  }

  ended(execution: EndedRun, ending: Ending): void {
    const { key } = execution;
    // Another execution may have taken its place.
    if (this.#executions.get(key) === execution) this.#executions.delete(key);
    const lane = this.#lanes.get(execution.definition.name);
    if (lane !== undefined && ending.kind === "stuck" && ending.problem.kind === "unknown-version") lane.yields = true;
    if (runs.active) this.#tell(execution, outcomeOf(ending), ending.kind === "lost" ? ending.error : undefined);
    this.free();
    this.#ended(key, ending);
  }

  async confirmLease(run: EndedRun): Promise<void> {
    const lane = this.#lanes.get(run.definition.name);
    if (lane === undefined) return;
    const held = (): Execution | undefined => this.#executions.get(run.key);
    for (let mine = held(); mine === run; mine = held()) {
      await this.#extend(lane);
      if (this.engine.clock.monotonic() < mine.leaseCertainUntilMs) return;
      // The store does not answer for a while, and until it does nobody knows whose the run is.
      await this.engine.clock.sleep(lane.leaseMs / 3);
    }
  }

  async cells(keys: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
    return await this.engine.get(keys);
  }

  async transaction<T>(work: (tx: Transaction<unknown>) => Promise<T>): Promise<T> {
    if (!isTransactional(this.engine))
      throw new UnsupportedError(
        "step.tx",
        `the ${this.engine.can.engine} engine`,
        "use step.commit, or an engine with transactions",
      );
    return await this.engine.transaction(work);
  }

  /** Stops claiming, lets the steps in progress finish, gives the runs back; after `drainMs` the rest is left to its leases. */
  close(drainMs: number): Promise<void> {
    return (this.#closing ??= this.#drain(drainMs));
  }

  async #drain(drainMs: number): Promise<void> {
    this.#isClosing = true;
    for (const execution of this.#executions.values()) execution.drain();
    if (this.#used > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle.push(resolve);
      const timer = this.engine.clock.setTimer(drainMs, resolve);
      await promise;
      timer.cancel();
    }
    for (const execution of this.#executions.values())
      execution.end({ kind: "lost", error: new Error("the process ended before the step did") });
    this.#bells.dispose();
    for (const lane of this.#lanes.values()) lane.timer?.cancel();
  }

  #look(lane: Lane): void {
    if (this.#isClosing) return;
    if (lane.isLooking) {
      lane.looksAgain = true;
      return;
    }
    // Half of the free places stay for runs that are started meanwhile.
    const room = Math.min(claimsMax, Math.ceil((this.#concurrency - this.#used) / 2));
    if (room <= 0) {
      lane.isStarved = true;
      return;
    }
    // Known to wait, or only looked for: see `reserve`.
    const held = lane.isStarved ? 0 : room;
    lane.isStarved = false;
    lane.isLooking = true;
    lane.looksAgain = false;
    this.#used += room;
    this.#held += held;
    void this.#claim(lane, { room, held });
  }

  async #claim(lane: Lane, places: { readonly room: number; readonly held: number }): Promise<void> {
    const { room, held } = places;
    let claims: readonly Claim[] = [];
    let dueAtMs: number | undefined;
    const askedAtMs = this.engine.clock.monotonic();
    try {
      const request = { queue: queueOf(lane.name), count: room, leaseMs: lane.leaseMs, crashesMax: engineCrashesMax };
      ({ claims, nextDueAtMs: dueAtMs } = await this.engine.claim(request));
    } catch {
      // The store is busy or closing: the timer looks again.
    }
    this.#held -= held;
    this.#used -= room - claims.length;
    const surplus = Math.min(claims.length, Math.max(0, this.#used - this.#concurrency));
    for (const claim of claims.slice(0, claims.length - surplus)) void this.#resume(lane, claim, askedAtMs);
    for (const claim of claims.slice(claims.length - surplus)) void this.#giveBack(claim);
    // A guess would keep places from starts for nothing; those would then wait in the store, and so for ever make the guess come true.
    lane.isStarved = surplus > 0 || (claims.length === room && (await this.#isBehind(lane)));
    lane.isLooking = false;
    if (lane.looksAgain || lane.isStarved) this.#look(lane);
    this.#setTimer(lane, dueAtMs);
    if (this.#isClosing && this.#used === 0) for (const tell of this.#idle.splice(0)) tell();
  }

  /** A start has taken its place meanwhile: it returns to its own in the queue. */
  async #giveBack(claim: Claim): Promise<void> {
    try {
      await this.engine.commit([{ op: "settle", receipt: claim.receipt, as: { kind: "release" } }]);
    } catch {
      // Its lease ends, and it is claimed again.
    }
    this.free();
  }

  /** Whether runs that could go on wait in the store. */
  async #isBehind(lane: Lane): Promise<boolean> {
    try {
      for await (const queue of this.engine.scan({ kind: "queues", queue: queueOf(lane.name) }))
        return queue.ready + queue.suspect > 0;
    } catch {
      // Busy or closing: the next bell or timer looks again.
    }
    return false;
  }

  async #resume(lane: Lane, claim: Claim, askedAtMs: number): Promise<void> {
    try {
      const loaded = await loadRun(this, lane.definitions, claim);
      if (loaded === undefined) return this.free();
      loaded.leaseCertainUntilMs = askedAtMs + lane.leaseMs;
      this.run(loaded, "resumed");
    } catch {
      // Nothing was done: the lease ends, and the run is claimed again.
      this.free();
    }
  }

  #setTimer(lane: Lane, dueAtMs: number | undefined): void {
    lane.timer?.cancel();
    if (this.#isClosing) return;
    const { clock } = this.engine;
    const limitMs = Math.min(backstopMs, lane.leaseMs);
    const delayMs = dueAtMs === undefined ? limitMs : Math.min(limitMs, Math.max(1, dueAtMs - clock.now()));
    lane.timer = clock.setTimer(lane.yields ? delayMs + yieldMs : delayMs, () => this.#look(lane));
  }

  /** A third of the lease: two lost extensions must not lose a run. */
  #keepLeases(lane: Lane): void {
    let timer: Timer | undefined;
    const tick = async (): Promise<void> => {
      if (this.#isClosing && this.#used === 0) return;
      await this.#extend(lane);
      await this.#readMail(lane);
      schedule();
    };
    const schedule = (): void => {
      if (this.#bells.disposed) return;
      timer = this.engine.clock.setTimer(lane.leaseMs / 3, () => void tick());
    };
    this.#bells.defer(() => timer?.cancel());
    schedule();
  }

  #extend(lane: Lane): Promise<void> {
    lane.extending ??= this.#extendAll(lane).finally(() => {
      lane.extending = undefined;
    });
    return lane.extending;
  }

  async #extendAll(lane: Lane): Promise<void> {
    const askedAtMs = this.engine.clock.monotonic();
    const held = this.#executionsOf(lane);
    if (held.length === 0) return;
    try {
      const kept = await this.engine.extend(
        held.map((execution) => execution.receipt),
        lane.leaseMs,
      );
      for (const [index, execution] of held.entries()) {
        if (kept[index] === true) execution.leaseCertainUntilMs = askedAtMs + lane.leaseMs;
        if (kept[index] === false) execution.end({ kind: "lost", error: new Error("the lease was lost") });
      }
    } catch {
      // The next tick tries again; the fence of every write judges in the meantime.
    }
  }

  async #readMail(lane: Lane): Promise<void> {
    const held = this.#executionsOf(lane);
    if (held.length === 0) return;
    try {
      const cells = await this.engine.get(held.map((execution) => mailCell(lane.name, execution.id)));
      for (const [index, execution] of held.entries())
        execution.mailArrived(mailboxOf(cells[index], execution.journal.header));
    } catch {
      // The next tick, or the run's own park, looks again.
    }
  }

  #executionsOf(lane: Lane): readonly Execution[] {
    return [...this.#executions.values()].filter((execution) => execution.definition.name === lane.name);
  }

  #tell(
    execution: EndedRun,
    outcome: "started" | "resumed" | "waiting" | "done" | "undone" | "stuck" | "cancelled",
    error?: unknown,
  ): void {
    const ageMs = this.engine.clock.now() - execution.journal.header.startedAtMs;
    runs.publish({
      saga: execution.definition.name,
      runId: execution.id,
      outcome,
      ageMs,
      ...(error !== undefined && { error }),
    });
  }
}

function outcomeOf(ending: Ending): "waiting" | "done" | "undone" | "stuck" | "cancelled" {
  if (ending.kind === "stuck") return "stuck";
  if (ending.kind !== "finished") return "waiting";
  const { status } = ending.outcome;
  return status === "completed" ? "done" : status === "cancelled" ? "cancelled" : "undone";
}

function isTransactional(engine: Engine): engine is TransactionalEngine<unknown> {
  return engine.can.transactions === "sql" && "transaction" in engine;
}
