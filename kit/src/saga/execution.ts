import { ChangeError, LeaseLostError, type Receipt } from "../engine/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import { seededRandom, type Random } from "../random/mod.ts";
import { compensate } from "./compensation.ts";
import { EncodeError } from "../codec/mod.ts";
import { type StopRecord, undoName } from "./entry.ts";
import { ChildFailedError, MismatchError, StepFailedError } from "./errors.ts";
import { FencedWriter } from "./fenced-writer.ts";
import { Frontier } from "./frontier.ts";
import { finish, park, release, standStill } from "./ending.ts";
import { type Ending, type Host, endless } from "./host.ts";
import type { Journal } from "./journal.ts";
import { isCommand, type Mailbox } from "./mailbox.ts";
import type { Problem, RunFailure } from "./outcome.ts";
import { Replay } from "./replay.ts";
import { sagaContext } from "./saga-context.ts";
import { seedOf } from "./run-record.ts";
import type { ActiveRun } from "./active-run.ts";
import type { AnySaga, UndoOptions } from "./context.ts";
import { Waits } from "./waits.ts";

/** What a claim brought. */
export interface ExecutionLoad {
  readonly journal: Journal;
  readonly receipt: Receipt;
  readonly mailbox: Mailbox;
  /** Whether a former executor died with this run: what it had begun may have happened. */
  readonly afterCrash: "yes" | "no";
}

// Recorded answers come within a turn. Code that also awaits something else gets this long before it counts as changed.
const restTurns = 3;
const graceMs = 1_000;

/**
 * One call of a saga's function under one claim of its run: it replays the journal, goes on live, and ends by finishing, parking,
 * releasing or losing the run. After that every operation of the abandoned call waits for ever and is collected as garbage.
 */
export class Execution implements ActiveRun {
  readonly host: Host;
  readonly definition: AnySaga;
  readonly journal: Journal;
  readonly writer: FencedWriter;
  readonly replay: Replay;
  readonly waits: Waits;
  readonly receipt: Receipt;
  readonly id: string;
  readonly key: string;
  /** Compensations known so far, by name of the operation. */
  readonly undos: Map<string, UndoOptions<never>> = new Map();
  mailbox: Mailbox;
  phase: "forward" | "undoing" | "ended" = "forward";
  /** Until when nobody else can hold the run, on the monotonic clock: counted from before the lease was asked for. Without end where there is none. */
  leaseCertainUntilMs: number = Number.POSITIVE_INFINITY;
  #stop: StopRecord | undefined;
  #problem: Problem | undefined;
  #returned: { readonly output: unknown } | { readonly error: unknown } | undefined;
  #active = 0;
  #isDraining = false;
  #isResting = false;
  #restsInVain = 0;
  #lastRequested = 0;
  readonly #frontier: Frontier;
  #random: Random | undefined;
  #controller: AbortController | undefined;
  #cancelled: AbortController | undefined;

  constructor(host: Host, definition: AnySaga, load: ExecutionLoad) {
    this.host = host;
    this.definition = definition;
    this.journal = load.journal;
    this.id = load.journal.id;
    this.key = `${definition.name}/${this.id}`;
    this.receipt = load.receipt;
    this.mailbox = load.mailbox;
    this.replay = new Replay(load.journal.entries);
    this.writer = new FencedWriter(host, load.journal, {
      receipt: load.receipt,
      lost: (error) => this.end({ kind: "lost", error }),
      answered: (name) => this.replay.turns.expect(name),
    });
    this.waits = new Waits(this);
    this.#stop = load.journal.stopped?.s;
    const isInDoubt = (load.afterCrash === "yes" || load.journal.header.doubt === 1) && this.#stop === undefined;
    this.#frontier = new Frontier(isInDoubt ? "died" : "lives");
    if (isInDoubt) this.#noteDoubt(1);
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  get stopRecord(): StopRecord | undefined {
    return this.#stop;
  }

  get random(): Random {
    return (this.#random ??= seededRandom(seedOf(this.journal.header, this.key)));
  }

  get isAlone(): boolean {
    return this.#active === 1 && this.waits.size === 0;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  nowMs(): number {
    return this.host.engine.clock.now();
  }

  confirmLease(): Promise<void> | undefined {
    const until = this.leaseCertainUntilMs;
    if (until === Number.POSITIVE_INFINITY || this.host.engine.clock.monotonic() < until) return undefined;
    return this.host.confirmLease(this);
  }

  /** Aborts when this executor must not go on. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.phase === "ended") this.#controller.abort(new LeaseLostError(this.receipt.queue, this.receipt.id));
    return this.#controller.signal;
  }

  get cancelled(): AbortSignal {
    this.#cancelled ??= new AbortController();
    if (this.#stop?.status === "cancelled") this.#cancelled.abort(this.#stop.reason);
    return this.#cancelled.signal;
  }

  async begin(): Promise<void> {
    try {
      this.#readMail();
      // A stopped run asks for nothing new, so that nothing else would look whether its past is repeated.
      this.touch();
      this.replay.turns.begin();
      this.#returned = { output: await this.definition.run(this.journal.header.input as never, sagaContext(this)) };
    } catch (error) {
      this.#returned = { error };
    }
    this.touch();
  }

  /** Admits an operation of the code; undefined when it may start now. Those that may never start wait for ever. */
  enter(step?: string): Promise<void> | undefined {
    if (step !== undefined) this.#frontier.meet(step, this.replay.isLive ? "live" : "repeats");
    if (!this.#mayStart(step)) return endless();
    if (!this.replay.isLive) return this.#enterWhenLive(step);
    this.#active++;
    return undefined;
  }

  /** Admits an operation again that has paused: one of the code, or the compensation. */
  resume(name: string): "admitted" | "refused" {
    const may = this.phase === "undoing" ? !this.#isDraining : this.#mayStart(name);
    if (may) this.#active++;
    return may ? "admitted" : "refused";
  }

  /** Behind a checkpoint the run begins anew, as it will after a crash. */
  restart(): void {
    this.#random = undefined;
    this.undos.clear();
    this.replay.restart();
  }

  leave(step?: string): void {
    this.#active--;
    if (this.#frontier.isOpen && this.replay.isLive) {
      if (step !== undefined) this.#frontier.over(step);
      if (this.#frontier.isClear) this.#closeFrontier();
    }
    this.touch();
  }

  /** Something may have come to rest: looked at once the promises of this turn are done. */
  touch(): void {
    if (this.phase === "ended" || this.#active > 0 || this.#isResting) return;
    // The common case of sequential live code needs no look: its next step is about to begin.
    const isWaiting = this.waits.size > 0 || this.#returned !== undefined || this.#stop !== undefined;
    if (!isWaiting && !this.#isDraining && this.#problem === undefined && this.replay.isLive) return;
    if (this.#returned !== undefined && this.replay.isLive && this.#stop === undefined) return this.#atRest();
    this.#isResting = true;
    this.host.engine.clock.nextTurn(() => {
      this.#isResting = false;
      if (this.#active === 0) this.#atRest();
    });
  }

  /** Decides that the run fails; the first decision counts. */
  fail(failure: RunFailure): void {
    this.#stop ??= { status: "failed", failure };
    this.touch();
  }

  stuck(problem: Problem): void {
    this.#problem ??= problem;
    this.touch();
  }

  drain(): void {
    this.#isDraining = true;
    this.touch();
  }

  /** Leaves an operation that must not go on. */
  abandon(): Promise<never> {
    this.leave();
    return endless();
  }

  mailArrived(mailbox: Mailbox): void {
    if (this.phase === "ended" || (mailbox.version ?? 0) < (this.mailbox.version ?? 0)) return;
    this.mailbox = mailbox;
    this.#readMail();
    this.waits.evaluate();
  }

  end(ending: Ending): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.waits.clear();
    if (ending.kind === "lost") this.#controller?.abort(ending.error);
    this.host.ended(this, ending);
  }

  /** Ends an operation whose own write failed: what cannot be recorded is for a person to resolve. */
  unrecordable(step: string, error: unknown): Promise<never> {
    if (isUnstorable(error)) this.stuck({ kind: "not-recordable", step, error: errorRecord(error) });
    else this.end({ kind: "lost", error });
    this.leave();
    return endless();
  }

  /** While the run is undone, code that comes back from elsewhere starts nothing more. */
  #mayStart(step: string | undefined): boolean {
    if (this.host.isDry === "yes" && this.replay.isLive) return false;
    if (this.phase !== "forward" || this.#isDraining || this.#problem !== undefined) return false;
    return this.#stop === undefined || this.#frontier.has(step);
  }

  async #enterWhenLive(step: string | undefined): Promise<void> {
    this.touch();
    await this.replay.live();
    const admitted = this.enter(step);
    if (admitted !== undefined) await admitted;
  }

  /** Whether nothing in doubt is left: neither a step between two attempts, nor one that the code may come to after something foreign. */
  #isFrontierOver(): boolean {
    if (!this.#frontier.isClear) return false;
    if (this.#returned !== undefined || this.waits.size > 0) return true;
    const over = (): void => {
      if (this.#frontier.isClear) this.#closeFrontier();
    };
    this.#frontier.grace ??= this.host.engine.clock.setTimer(graceMs, over, { holdsProcess: "no" });
    return false;
  }

  /** What may have happened is known. */
  #closeFrontier(): void {
    if (!this.#frontier.isOpen) return;
    this.#frontier.close();
    this.#noteDoubt(undefined);
    this.#readMail();
  }

  /** Written with whatever comes next, so that it outlives a park or a release. */
  #noteDoubt(doubt: 1 | undefined): void {
    this.journal.header = { ...this.journal.header, doubt };
  }

  #readMail(): void {
    if (this.phase !== "forward") return;
    const cancel = this.mailbox.letters.find((letter) => letter.kind === "cancel");
    if (cancel !== undefined && this.#stop === undefined && !this.#frontier.isOpen) {
      this.#stop = { status: "cancelled", reason: cancel.reason };
      this.#cancelled?.abort(cancel.reason);
      this.touch();
    }
    if (this.mailbox.letters.some(isCommand)) this.drain(); // applied when the run is claimed again
  }

  #atRest(): void {
    if (this.phase === "ended") return;
    if (this.#problem !== undefined) return this.#run(standStill(this, this.#problem));
    if (this.#isDraining) return this.#run(release(this));
    if (this.phase === "forward" && !this.isReplayed) return this.#restInReplay();
    if (this.phase === "forward" && this.#decideForward() === "done") return;
    if (this.waits.isLong) this.#run(park(this));
  }

  /** Ends the forward phase when the code has returned, thrown or been stopped. */
  #decideForward(): "done" | "waiting" {
    if (this.#frontier.isOpen && !this.#isFrontierOver()) return "waiting";
    this.#closeFrontier();
    if (this.#isDraining) {
      this.touch();
      return "done";
    }
    const returned = this.#returned;
    if (this.#stop === undefined && returned !== undefined && "error" in returned)
      this.#stop = { status: "failed", failure: failureOf(returned.error) };
    if (this.#stop !== undefined) {
      this.phase = "undoing";
      this.waits.clear();
      this.#run(compensate(this, this.#stop));
      return "done";
    }
    if (returned === undefined || !("output" in returned)) return "waiting";
    this.#run(finish(this, { status: "completed", output: returned.output }));
    return "done";
  }

  /** Whether the code has asked again for everything that it must. */
  get isReplayed(): boolean {
    return (this.replay.isLive || this.journal.stopped !== undefined) && !this.#missesUndo();
  }

  /** Whether something is to be undone that the code has not come to again. */
  #missesUndo(): boolean {
    if (this.#stop === undefined) return false;
    return this.journal.entries.some(
      (entry) =>
        (entry.k === "step" || entry.k === "close" || entry.k === "end") &&
        entry.u === 1 &&
        !this.undos.has(undoName(entry)) &&
        this.journal.find("undo", undoName(entry)) === undefined,
    );
  }

  /** Recorded operations are left that the code did not ask for. */
  #restInReplay(): void {
    const { requested } = this.replay;
    if (requested.length !== this.#lastRequested) this.#restsInVain = 0;
    this.#lastRequested = requested.length;
    this.#restsInVain++;
    if (this.#restsInVain <= restTurns) return this.touch();
    const isAsking = this.replay.blockedCount > 0 || this.#returned !== undefined || this.waits.size > 0;
    if (this.#restsInVain === restTurns + 1) {
      this.host.engine.clock.setTimer(graceMs, () => this.touch(), { holdsProcess: "no" });
      return;
    }
    // Code whose steps have changed places, or that awaits something foreign in between, is served as it asks.
    if (this.replay.turns.skip() === "given") {
      this.#restsInVain = 0;
      return this.touch();
    }
    if (!isAsking && this.#stop === undefined) return;
    const what = `saga "${this.definition.name}" ${this.definition.version}: run "${this.id}" was recorded with other operations`;
    this.stuck({ kind: "mismatch", error: errorRecord(new MismatchError(what, this.journal.names(), requested)) });
  }

  #run(work: Promise<void>): void {
    this.#active++; // nothing else may decide meanwhile
    work.then(
      () => {
        this.#active--;
        this.touch();
      },
      (error: unknown) => {
        if (this.#problem !== undefined || !isUnstorable(error)) return this.end({ kind: "lost", error });
        this.#active--;
        this.stuck({ kind: "not-recordable", error: errorRecord(error) });
      },
    );
  }
}

function isUnstorable(error: unknown): boolean {
  return error instanceof ChangeError || error instanceof EncodeError;
}

function failureOf(error: unknown): RunFailure {
  if (error instanceof StepFailedError) return { reason: "step-failed", step: error.step, error: error.error };
  if (error instanceof ChildFailedError)
    return { reason: "child-failed", step: error.child, error: errorRecord(error) };
  return { reason: "error", error: errorRecord(error) };
}
