import { type Clock, systemClock } from "../../clock/mod.ts";
import {
  commit,
  type CommitFate,
  isLost,
  OutcomeUnknownError,
  type OwnConnection,
  PostgresError,
  type PostgresSession,
  rollback,
} from "../../drivers/postgres/mod.ts";
import type { Random } from "../../random/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import { CallLine, type WaitingCall } from "../call-line.ts";
import type { BellTopic } from "../engine.ts";
import { engineFault } from "./faults.ts";
import { type CarriedOut, carryOut, carryOutQuickly, type Shared } from "./group.ts";
import type { Call } from "./plan.ts";

const commits = telemetryChannel("ashlar.engine.commit");

/** What a writer needs. */
export interface WriterParts {
  readonly shared: Shared;
  readonly connection: OwnConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly shard: number;
  readonly waitingMax: number;
  /** Longest that a call waits for a server that is away, or for locks that others hold. */
  readonly busyMaxMs: number;
  readonly whenCommitted: (topics: ReadonlySet<BellTopic>) => void;
}

// Rows that a group writes at most, unless one list alone writes more: about 20 ms.
const weightMax = 10_000;
const conflictsMax = 20;

/** The one connection of a process that writes: calls that wait share a transaction, and while it runs the next ones gather. */
export class Writer {
  readonly #parts: WriterParts;
  readonly #line: CallLine<Call>;
  readonly #pace = new Pace();

  constructor(parts: WriterParts) {
    this.#parts = parts;
    const { clock, waitingMax } = parts;
    this.#line = new CallLine({ clock, waitingMax, portion, carryOut: (group) => this.#carryOut(group) });
  }

  /** Carries out a call in its turn, and resolves once it is committed. Rejects with StorageError, and then nothing of it was applied, or with
   *  OutcomeUnknownError. */
  async submit<C extends Call>(call: C): Promise<NonNullable<C["answer"]>> {
    await this.#line.submit(call);
    if (call.answer === undefined) throw new Error("a call that was carried out has an answer");
    return call.answer;
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    return this.#line.idle();
  }

  /** Each call learns its own outcome. */
  async #carryOut(group: readonly WaitingCall<Call>[]): Promise<"done" | "away"> {
    const startedMs = systemClock.monotonic();
    const calls = group.map(({ call }) => call);
    try {
      await this.#persist(calls);
      for (const { settled } of group) settled.open();
      publish(calls, systemClock.monotonic() - startedMs, "committed");
      return "done";
    } catch (error) {
      publish(calls, 0, "failed");
      const wouldRepeat = error instanceof OutcomeUnknownError || isAway(error);
      // Each for itself: one that cannot be written must not take its neighbours along.
      if (group.length > 1 && !wouldRepeat) for (const one of group) await this.#carryOut([one]);
      else for (const { settled } of group) settled.fail(engineFault(error));
      return error instanceof OutcomeUnknownError || isUnreachable(error) ? "away" : "done";
    }
  }

  /** Until it is committed, refused by the server, or `busyMaxMs` have passed. */
  async #persist(calls: readonly Call[]): Promise<void> {
    const { busyMaxMs, random } = this.#parts;
    const untilMs = systemClock.monotonic() + busyMaxMs;
    for (let conflicts = 0; ; conflicts++) {
      try {
        return await this.#attempt(calls);
      } catch (error) {
        const isWorth = mayPass(error) || this.#parts.connection.marker.isStale(error);
        if (!isWorth || conflicts >= conflictsMax || systemClock.monotonic() >= untilMs) throw error;
      }
      await systemClock.sleep(random.next() * Math.min(50, 2 ** conflicts));
    }
  }

  async #attempt(calls: readonly Call[]): Promise<void> {
    const { shared, connection, shard } = this.#parts;
    for (const call of calls) delete call.answer;
    const session = await connection.steady.get();
    await connection.marker.register(session);
    if (this.#pace.mayHurry && (await this.#hurry(session, calls)) === "committed") return;
    let committing: CarriedOut | undefined;
    try {
      const done = await carryOut(shared, calls, { runner: session, shard, transaction: "begin" });
      if (done.writes === "maybe") done.script.add(connection.marker.next());
      done.script.add(commit);
      committing = done.writes === "maybe" ? done : undefined;
      await done.script.run(session);
      this.#parts.whenCommitted(done.work.topics.all);
    } catch (error) {
      await this.#failed(session, { calls, error, committing });
    }
  }

  /** In one round trip, if the calls allow it and everything is as they expect. */
  async #hurry(session: PostgresSession, calls: readonly Call[]): Promise<"committed" | "needs care"> {
    const { shared, connection, shard } = this.#parts;
    const done = carryOutQuickly(shared, calls, shard);
    if (done === undefined) return "needs care";
    if (done.writes === "maybe") done.script.add(connection.marker.next());
    try {
      await done.script.run(session);
      this.#pace.passed();
      this.#parts.whenCommitted(done.work.topics.all);
    } catch (error) {
      if (isUnexpected(error)) {
        for (const call of calls) delete call.answer;
        this.#pace.missed();
        return "needs care";
      }
      await this.#failed(session, { calls, error, committing: done.writes === "maybe" ? done : undefined });
    }
    return "committed";
  }

  /** Rejects with the error, unless the transaction has been committed all the same. */
  async #failed(session: PostgresSession, attempt: FailedAttempt): Promise<void> {
    const { shared, connection } = this.#parts;
    const { calls, error, committing } = attempt;
    if (!isLost(error)) {
      await this.#rollBack(session, error);
      throw error;
    }
    connection.steady.drop();
    if (committing === undefined) throw error;
    const lists = (await this.#resolve(error)).split(";");
    for (const [index, read] of (committing.noted ?? []).entries()) read((lists[index] ?? "").split(","));
    // What a claim handed out was in the answer that was lost: nobody holds it, and it comes back behind its lease.
    const nextDueAtMs = shared.clock.now();
    for (const call of calls) if (call.kind === "claim") call.answer ??= { claims: [], nextDueAtMs };
    this.#parts.whenCommitted(committing.work.topics.all);
  }

  async #rollBack(session: PostgresSession, error: unknown): Promise<void> {
    const isOutdated = error instanceof PostgresError && error.reason === "outdated";
    if (isOutdated) this.#parts.connection.steady.drop();
    else await session.run([rollback]).catch(() => this.#parts.connection.steady.drop());
  }

  /** The connection was lost behind COMMIT. Answers what the transaction noted when it was committed, rejects with the fault when it was not. */
  async #resolve(error: unknown): Promise<string> {
    const { connection, busyMaxMs } = this.#parts;
    const untilMs = systemClock.monotonic() + busyMaxMs;
    for (;;) {
      const asked = await fateOf(connection);
      if (asked?.fate === "not committed") throw error;
      if (asked?.fate === "committed") return asked.note;
      if (systemClock.monotonic() >= untilMs) throw new OutcomeUnknownError({ cause: error });
    }
  }
}

interface FailedAttempt {
  readonly calls: readonly Call[];
  readonly error: unknown;
  /** Set when COMMIT was sent. */
  readonly committing: CarriedOut | undefined;
}

/** When to try in one round trip: where others write the same things, what is expected is often not so. */
class Pace {
  #careful = 0;
  #misses = 0;

  get mayHurry(): boolean {
    if (this.#careful === 0) return true;
    this.#careful -= 1;
    return false;
  }

  passed(): void {
    this.#misses = 0;
  }

  missed(): void {
    this.#misses = Math.min(6, this.#misses + 1);
    this.#careful = 2 ** this.#misses;
  }
}

/** Something was not as a quick transaction expected it: a division by zero, or a row that was there already. */
function isUnexpected(error: unknown): boolean {
  return error instanceof PostgresError && (error.sqlState === "22012" || error.reason === "constraint");
}

/** `undefined` while nobody can be asked. */
async function fateOf({ steady, marker }: OwnConnection): Promise<CommitFate | undefined> {
  try {
    return await marker.outcome(await steady.get());
  } catch {
    return undefined;
  }
}

function portion(): (call: Call) => boolean {
  let weight = 0;
  return (call) => (weight += weightOf(call)) <= weightMax;
}

function weightOf(call: Call): number {
  if (call.kind !== "commit") return 1;
  let weight = 0;
  for (const change of call.changes) {
    if (change.op === "enqueue") weight += change.messages.length;
    else if (change.op === "append") weight += change.events.length;
    else if ("ids" in change) weight += change.ids.length;
    else weight += 1;
  }
  return weight;
}

/** Another transaction was in the way, or the server was away for a moment; nothing was applied. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof PostgresError)) return false;
  const { reason } = error;
  return reason === "connection" || reason === "unavailable" || reason === "conflict" || reason === "outdated";
}

/** It would be the same for each call alone. */
function isAway(error: unknown): boolean {
  return (
    mayPass(error) || (error instanceof PostgresError && (error.reason === "denied" || error.reason === "readonly"))
  );
}

/** It was tried for as long as a call waits. */
function isUnreachable(error: unknown): boolean {
  return error instanceof PostgresError && (error.reason === "connection" || error.reason === "unavailable");
}

function publish(calls: readonly Call[], durationMs: number, outcome: "committed" | "failed"): void {
  if (!commits.active) return;
  let changes = 0;
  for (const call of calls) changes += call.kind === "commit" ? call.changes.length : 0;
  commits.publish({ engine: "postgres", lists: calls.length, changes, durationMs, outcome });
}
