import { jsonCodec } from "../codec/mod.ts";
import type { Timer } from "../clock/mod.ts";
import { ConfigError, isRetryable } from "../errors/mod.ts";
import { childOutcome, childRefs, startChildren } from "./children.ts";
import { refreshMail } from "./ending.ts";
import { closeText, type Entry, undoName } from "./entry.ts";
import type { ActiveRun, WaitBoard } from "./active-run.ts";
import { endless } from "./host.ts";
import { emptyMailbox, type Letter, type Mailbox, mailChange, withoutLetter } from "./mailbox.ts";
import { raceOf, type WaitSpec } from "./wait-spec.ts";
import type { RaceWinner } from "./context.ts";
import { StepFailedError } from "./errors.ts";

// Shorter waits stay in memory: a park and its replay cost more than a timer.
const shortWaitMs = 1_000;
const codec = jsonCodec<unknown>();

/** A wait that is open now. */
interface OpenWait {
  readonly spec: WaitSpec<unknown>;
  readonly dues: ReadonlyMap<string, number>;
  readonly settle: (branch: string, result: unknown) => void;
  isClosing: boolean;
}

interface Requested {
  readonly spec: WaitSpec<unknown>;
  isAdopted: boolean;
}

interface Pause {
  readonly dueAtMs: number | undefined;
  readonly resume: () => void;
}

const noneOpen: Map<string, OpenWait> = new Map();
const nonePaused: Map<string, Pause> = new Map();

type Winner = { readonly branch: string; readonly result: unknown; readonly letter?: Letter };

/** Everything an execution waits for: the waits of its code, and the back-offs of its attempts. */
export class Waits implements WaitBoard {
  readonly #execution: ActiveRun;
  // Most runs wait for nothing: they share these empty ones.
  #open: Map<string, OpenWait> = noneOpen;
  #pauses: Map<string, Pause> = nonePaused;
  // Made on demand: collecting weak maps is dear, and most runs wait for nothing.
  #requested: WeakMap<Promise<unknown>, Requested> | undefined;
  #timer: Timer | undefined;

  constructor(execution: ActiveRun) {
    this.#execution = execution;
  }

  get size(): number {
    return this.#open.size + this.#pauses.size;
  }

  /** Whether it is better to park than to wait in memory. A child wakes only a parked parent. */
  get isLong(): boolean {
    if (this.size === 0) return false;
    const dueAtMs = this.earliestDueMs();
    return dueAtMs === undefined || dueAtMs - this.#execution.nowMs() > shortWaitMs || this.#hasChild();
  }

  earliestDueMs(): number | undefined {
    return this.#earliestAfter(Number.NEGATIVE_INFINITY);
  }

  #earliestAfter(afterMs: number): number | undefined {
    let earliest: number | undefined;
    const look = (dueAtMs: number): void => {
      if (dueAtMs > afterMs && (earliest === undefined || dueAtMs < earliest)) earliest = dueAtMs;
    };
    for (const pause of this.#pauses.values()) if (pause.dueAtMs !== undefined) look(pause.dueAtMs);
    for (const wait of this.#open.values()) for (const dueAtMs of wait.dues.values()) look(dueAtMs);
    return earliest;
  }

  /** Begins a wait after the current expression, unless a race takes it over before. */
  wait<T>(spec: WaitSpec<T>): Promise<T> {
    const key = this.#execution.replay.keyOf(spec.name);
    const requested: Requested = { spec, isAdopted: false };
    const promise = Promise.resolve().then(() => (requested.isAdopted ? endless() : this.#begin(key, spec)));
    this.#requested ??= new WeakMap();
    this.#requested.set(promise, requested);
    promise.catch(() => undefined); // a wait that the code does not await must not end the process
    return promise;
  }

  race<Branches extends Readonly<Record<string, Promise<unknown>>>>(
    branches: Branches,
    name: string = `race:${Object.keys(branches).join("|")}`,
  ): Promise<RaceWinner<Branches>> {
    const specs: Record<string, WaitSpec<unknown>> = {};
    for (const [branch, promise] of Object.entries(branches)) {
      const requested = this.#requested?.get(promise);
      if (requested === undefined || requested.isAdopted || branch.includes("."))
        throw new ConfigError(
          `race branch ${branch}`,
          promise,
          "a wait made in the call: context.sleep, signal, approval or child; no dot in its name",
        );
      requested.isAdopted = true;
      specs[branch] = requested.spec;
    }
    return this.wait(raceOf(name, specs)) as Promise<RaceWinner<Branches>>;
  }

  /** Leaves the execution until `dueAtMs`, and enters it again. */
  pause(name: string, dueAtMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (this.#pauses === nonePaused) this.#pauses = new Map();
      this.#pauses.set(name, { dueAtMs, resume: resolve });
      this.#execution.leave();
      this.evaluate();
      this.#execution.touch();
    });
  }

  /** Ends every wait whose time or signal has come. */
  evaluate(): void {
    if (this.#execution.phase === "ended" || this.#execution.isDraining) return;
    const nowMs = this.#execution.nowMs();
    for (const [name, pause] of this.#pauses) {
      if (pause.dueAtMs === undefined || pause.dueAtMs > nowMs) continue;
      if (this.#execution.resume(name) === "refused") continue;
      this.#pauses.delete(name);
      pause.resume();
    }
    for (const [key, wait] of this.#open) {
      if (wait.isClosing) continue;
      const winner = this.#winnerOf(wait, nowMs);
      if (winner !== undefined) this.#closeSafely(key, wait, winner);
    }
    this.#setTimer(nowMs);
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#open = noneOpen;
    this.#pauses = nonePaused;
  }

  /** Looks whether children of open waits have ended. */
  async lookAtChildren(): Promise<void> {
    for (const [key, wait] of this.#open) {
      const ended = await childOutcome(this.#execution, wait.spec.branches);
      if (ended !== undefined && !wait.isClosing && this.#open.has(key)) this.#closeSafely(key, wait, ended);
    }
  }

  async #begin<T>(key: string, spec: WaitSpec<T>): Promise<T> {
    const execution = this.#execution;
    const found = execution.replay.claim(key);
    for (const [branch, part] of Object.entries(spec.branches))
      if (part.kind === "child" && part.undo !== undefined)
        execution.undos.set(undoName({ n: key, b: branch }), part.undo);
    if (found !== undefined) await execution.replay.turns.arrive(key);
    if (found?.k === "close") return spec.valueOf(found.b, structuredClone(found.r));
    if (found?.k === "fail") throw new StepFailedError(key, found.a, found.e);
    const opened = execution.replay.opened(key);
    const admitted = execution.enter();
    if (admitted !== undefined) await admitted;
    const dues = opened === undefined ? await this.#openSafely(key, spec) : new Map(Object.entries(opened.due ?? {}));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const settle = (branch: string, result: unknown): void => {
      try {
        resolve(spec.valueOf(branch, result));
      } catch (error) {
        reject(error);
      }
    };
    if (this.#open === noneOpen) this.#open = new Map();
    this.#open.set(key, { spec, dues, settle, isClosing: false });
    if (this.#hasChild()) await this.lookAtChildren().catch((error: unknown) => execution.end({ kind: "lost", error }));
    execution.leave();
    this.evaluate();
    return await promise;
  }

  /** A fault of the store is not an answer that a replay would get again: it costs the claim. Refused input is one. */
  async #openSafely(key: string, spec: WaitSpec<unknown>): Promise<ReadonlyMap<string, number>> {
    try {
      return await this.#openNew(key, spec);
    } catch (error) {
      if (isRetryable(error)) this.#execution.end({ kind: "lost", error });
      this.#execution.leave();
      throw error;
    }
  }

  /** Fixes the end of a wait. Without a child, the record may wait for the next write: nothing depends on it before. */
  async #openNew(key: string, spec: WaitSpec<unknown>): Promise<ReadonlyMap<string, number>> {
    const execution = this.#execution;
    const nowMs = execution.nowMs();
    const dues = new Map<string, number>();
    for (const [branch, part] of Object.entries(spec.branches))
      if (part.kind === "timer") dues.set(branch, nowMs + part.delayMs);
    const due = dues.size === 0 ? {} : { due: Object.fromEntries(dues) };
    const child = childRefs(spec.branches);
    const entry: Entry = { k: "open", n: key, t: nowMs, on: spec.on, ...due, ...(child !== undefined && { child }) };
    if (child === undefined) execution.writer.pending.push(JSON.stringify(entry));
    else await startChildren(execution, { key, spec, text: JSON.stringify(entry) });
    return dues;
  }

  #winnerOf(wait: OpenWait, nowMs: number): Winner | undefined {
    for (const [branch, part] of Object.entries(wait.spec.branches)) {
      if (part.kind !== "signal") continue;
      const letter = this.#execution.mailbox.letters.find(
        (letter) => letter.kind === "signal" && letter.name === part.name,
      );
      if (letter?.kind === "signal") return { branch, result: letter.payload, letter };
    }
    for (const [branch, dueAtMs] of wait.dues) if (dueAtMs <= nowMs) return { branch, result: undefined };
    return undefined;
  }

  #closeSafely(key: string, wait: OpenWait, winner: Winner): void {
    this.#close(key, wait, winner).catch((error: unknown) => void this.#execution.unrecordable(key, error));
  }

  /** Records what came first. Where signals could have, the write expects the mailbox as it was seen: timeout and signal exclude each other. */
  async #close(key: string, wait: OpenWait, winner: Winner): Promise<void> {
    const execution = this.#execution;
    if (execution.enter() !== undefined) return;
    wait.isClosing = true;
    const seen = execution.mailbox;
    const letters = winner.letter === undefined ? seen.letters : withoutLetter(seen.letters, winner.letter);
    const awaitsSignal = Object.values(wait.spec.branches).some((branch) => branch.kind === "signal");
    const part = wait.spec.branches[winner.branch];
    const undo = part?.kind === "child" && part.undo !== undefined && isCompleted(winner.result) ? "yes" : "no";
    const text = winner.result === undefined ? undefined : codec.encode(winner.result);
    const entry = closeText(key, execution.nowMs(), { branch: winner.branch, text, undo });
    const result = await execution.writer.commit({
      point: `wait:${key}`,
      texts: [entry],
      answers: [key],
      changes: awaitsSignal ? [mailChange(execution.journal, seen, letters)] : [],
    });
    if (!result.committed) {
      await refreshMail(execution);
      wait.isClosing = false;
      execution.leave();
      return this.evaluate();
    }
    const [stored] = result.outcomes;
    if (stored?.op === "put") execution.mailbox = seenAfter(letters, stored.version);
    this.#open.delete(key);
    await execution.replay.turns.arrive(key);
    wait.settle(winner.branch, winner.result);
    execution.leave();
    this.evaluate();
  }

  #hasChild(): boolean {
    for (const wait of this.#open.values())
      for (const branch of Object.values(wait.spec.branches)) if (branch.kind === "child") return true;
    return false;
  }

  /** What was due at the latest look is closing, or must not go on any more: no timer would change that. */
  #setTimer(lookedAtMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const dueAtMs = this.#earliestAfter(lookedAtMs);
    if (dueAtMs === undefined) return;
    const { clock } = this.#execution.host.engine;
    this.#timer = clock.setTimer(Math.max(1, dueAtMs - clock.now()), () => this.evaluate());
  }
}

function seenAfter(letters: readonly Letter[], version: number): Mailbox {
  return letters.length === 0 ? emptyMailbox : { version, letters };
}

function isCompleted(outcome: unknown): boolean {
  return typeof outcome === "object" && outcome !== null && "status" in outcome && outcome.status === "completed";
}
