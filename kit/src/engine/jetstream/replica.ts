import {
  type Delivered,
  follow,
  type Followed,
  type NatsConnection,
  NatsError,
  streamFacts,
} from "../../drivers/nats/mod.ts";
import { KitError, TimeoutError } from "../../errors/mod.ts";
import type { Bells } from "../bells.ts";
import { StorageError } from "../errors.ts";
import type { ServerClock } from "../server-clock.ts";
import { readCommand } from "./command.ts";
import { type Answer, Fold } from "./fold.ts";
import { loadSnapshot, type Names, type Snapshot } from "./snapshots.ts";

/** What became of a command of this process. `unknown`: it is in a snapshot, and its answers were purged before they could be read here. */
export type Fate = { readonly kind: "answered"; readonly answers: readonly Answer[] } | { readonly kind: "unknown" };

/** What a replica works with. */
export interface ReplicaPlace {
  readonly connection: NatsConnection;
  readonly names: Names;
  readonly bells: Bells;
  readonly serverClock: ServerClock | undefined;
  /** Name of this process. */
  readonly proposer: string;
}

const readsMax = 5;
const reloadPauseMs = 250;

interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Own {
  readonly number: number;
  readonly sentMs: number;
  readonly resolve: (fate: Fate) => void;
  readonly reject: (error: Error) => void;
}

/** The state of the engine in this process: the newest snapshot and every command behind it, in order, as they come. */
export class Replica {
  readonly #place: ReplicaPlace;
  #fold = new Fold();
  #applied = 0;
  #bytesSinceCover = 0;
  #followed: Followed | undefined;
  #loading: Promise<void> | undefined;
  /** What was loaded last is not the newest any more. */
  #isBehind = false;
  #isClosed = false;
  /** Counts the states that were loaded: what was meant for a former one is passed over. */
  #era = 0;
  #waiters: Waiter[] = [];
  #own: Own | undefined;
  #fault: Error | undefined;

  constructor(place: ReplicaPlace) {
    this.#place = place;
  }

  get fold(): Fold {
    return this.#fold;
  }

  /** Sequence of the last command that was carried out here. */
  get applied(): number {
    return this.#applied;
  }

  /** Size of the commands that came since the last snapshot that everybody knows of. */
  get bytesSinceCover(): number {
    return this.#bytesSinceCover;
  }

  /** Why this process can go no further. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** Loads the newest snapshot and begins to follow. */
  async begin(): Promise<void> {
    this.#loading = this.#load().finally(() => (this.#loading = undefined));
    await this.#loading;
    if (this.#isBehind) this.#reload();
    await this.#loading;
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Resolves when the commands up to this sequence are carried out here. Rejects with TimeoutError, or why it never will. */
  until(sequence: number, withinMs: number): Promise<void> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    if (this.#applied >= sequence) return Promise.resolve();
    const { clock } = this.#place.connection;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        sequence,
        resolve: () => {
          timer.cancel();
          resolve();
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      const late = (): void => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        reject(new TimeoutError(`reading the stream up to ${sequence}`, withinMs));
      };
      const timer = clock.setTimer(withinMs, late);
      this.#waiters.push(waiter);
    });
  }

  /** The stream begins at this sequence. What was purged before it was read here is in a snapshot, and perhaps nothing comes behind it that would show the leap. */
  noticePurge(firstSequence: number): void {
    if (firstSequence > this.#applied + 1 && this.#loading === undefined) this.#reload();
  }

  /** What becomes of the command of this process with this number; one at a time. */
  fateOf(number: number): Promise<Fate> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    const sentMs = this.#place.connection.clock.monotonic();
    return new Promise((resolve, reject) => (this.#own = { number, sentMs, resolve, reject }));
  }

  /** The command is not waited for any more. */
  forgetOwn(): void {
    this.#own = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#loading?.catch(() => undefined);
    await this.#followed?.[Symbol.asyncDispose]();
  }

  async #load(): Promise<void> {
    const { connection, names } = this.#place;
    const { fold, covers } = await this.#newestThatFits();
    this.#fold = fold;
    this.#applied = covers;
    this.#bytesSinceCover = 0;
    this.#settleWaiters();
    this.#settleOwnFromSnapshot();
    const era = ++this.#era;
    this.#followed = await follow(connection, {
      stream: names.commands,
      after: covers,
      follower: {
        message: (message) => era === this.#era && this.#receive(message),
        failed: (error) => era === this.#era && this.#halt(error),
      },
    });
  }

  /** A snapshot behind which no command is missing. */
  async #newestThatFits(): Promise<Snapshot> {
    const { connection, names } = this.#place;
    for (let read = 1; ; read++) {
      const snapshot = await loadSnapshot(connection, names);
      const { firstSequence } = await streamFacts(connection, names.commands);
      if (firstSequence <= snapshot.covers + 1) return snapshot;
      // A newer one is written before what it covers is purged.
      if (read === readsMax)
        throw new StorageError(
          "corrupt",
          `stream "${names.commands}" begins at ${firstSequence}, and the newest snapshot covers ${snapshot.covers}: commands are lost`,
        );
    }
  }

  #receive(message: Delivered): void {
    if (message.sequence <= this.#applied)
      throw new StorageError("corrupt", `stream "${this.#place.names.commands}" was replaced by another one`);
    // What lies between was purged before it could be read: a snapshot has it.
    if (message.sequence !== this.#applied + 1) return this.#reload();
    const command = readCommand(message.data, message.sequence);
    const answers = this.#fold.apply(command, command.atMs ?? message.timeMs);
    this.#applied = message.sequence;
    this.#bytesSinceCover += message.data.length;
    if (command.calls.some(([kind]) => kind === "covered")) this.#bytesSinceCover = 0;
    this.#place.bells.ring(this.#fold.topics);
    if (command.proposer === this.#place.proposer && answers !== undefined)
      this.#settleOwn(command.number, answers, message.timeMs);
    this.#settleWaiters();
  }

  #settleOwn(number: number, answers: readonly Answer[], timeMs: number): void {
    const own = this.#own;
    if (own === undefined || own.number !== number) return;
    const { connection, serverClock } = this.#place;
    serverClock?.anchor(timeMs, { sentMs: own.sentMs, receivedMs: connection.clock.monotonic() });
    this.#own = undefined;
    own.resolve({ kind: "answered", answers });
  }

  #settleOwnFromSnapshot(): void {
    const own = this.#own;
    if (own === undefined || own.number > (this.#fold.proposers.get(this.#place.proposer) ?? 0)) return;
    this.#own = undefined;
    own.resolve({ kind: "unknown" });
  }

  #settleWaiters(): void {
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter(({ sequence }) => sequence <= this.#applied);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter(({ sequence }) => sequence > this.#applied);
    for (const { resolve } of due) resolve();
  }

  /** While the state is being loaded another leap may show: then it is loaded once more, so that there is one follower at a time. */
  #reload(): void {
    this.#era++;
    this.#isBehind = true;
    this.#loading ??= this.#loadNewest()
      .catch((error: unknown) => this.#halt(error))
      .finally(() => (this.#loading = undefined));
  }

  /** A server that is away while the state is loaded is no reason to stop for ever: it is tried again. */
  async #loadNewest(): Promise<void> {
    const { connection, bells } = this.#place;
    while (this.#isBehind && !this.#isClosed) {
      await this.#followed?.[Symbol.asyncDispose]();
      this.#isBehind = false;
      try {
        await this.#load();
      } catch (error) {
        if (!(error instanceof NatsError) || !error.retryable) throw error;
        this.#isBehind = true;
        await connection.clock.sleep(reloadPauseMs);
      }
    }
    // In which topics something happened is not known.
    bells.ringAll();
  }

  /** Nothing that comes later would be carried out on the right state. */
  #halt(error: unknown): void {
    this.#fault ??=
      error instanceof KitError
        ? error
        : new StorageError("other", "a command could not be carried out", { cause: error });
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(this.#fault);
    this.#own?.reject(this.#fault);
    this.#own = undefined;
  }
}
