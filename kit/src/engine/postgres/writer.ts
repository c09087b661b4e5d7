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
import { UnderWay, type Verdict } from "./under-way.ts";

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

/** The one connection of a process that writes: calls that wait share a transaction, one more may be sent behind it, and meanwhile the next ones gather. */
export class Writer {
  readonly #parts: WriterParts;
  readonly #line: CallLine<Call>;
  readonly #pace = new Pace();
  #latest: UnderWay | undefined;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    const { clock, waitingMax } = parts;
    this.#line = new CallLine({ clock, waitingMax, groupsMax: 2, portion, carryOut: (group) => this.#carryOut(group) });
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

  async #carryOut(group: readonly WaitingCall<Call>[]): Promise<"done" | "away"> {
    const ahead = this.#latest;
    const own = (this.#latest = new UnderWay());
    try {
      return await this.#settle(group, { own, ahead });
    } finally {
      own.end();
      if (this.#latest === own) this.#latest = undefined;
    }
  }

  /** Each call learns its own outcome. */
  async #settle(group: readonly WaitingCall<Call>[], place: Place): Promise<"done" | "away"> {
    const startedMs = systemClock.monotonic();
    const calls = group.map(({ call }) => call);
    try {
      await this.#persist(calls, place);
      for (const { settled } of group) settled.open();
      publish(calls, systemClock.monotonic() - startedMs, "committed");
      return "done";
    } catch (error) {
      publish(calls, 0, "failed");
      const wouldRepeat = error instanceof OutcomeUnknownError || isAway(error);
      // Each for itself: one that cannot be written must not take its neighbours along.
      if (group.length > 1 && !wouldRepeat) for (const one of group) await this.#settle([one], { own: place.own });
      else for (const { settled } of group) settled.fail(engineFault(error));
      return error instanceof OutcomeUnknownError || isUnreachable(error) ? "away" : "done";
    }
  }

  /** Until it is committed, refused by the server, or `busyMaxMs` have passed. */
  async #persist(calls: readonly Call[], { own, ahead }: Place): Promise<void> {
    const { busyMaxMs, random } = this.#parts;
    const untilMs = systemClock.monotonic() + busyMaxMs;
    for (let conflicts = 0; ; conflicts++) {
      try {
        if (ahead !== undefined && conflicts === 0) {
          if ((await this.#follow(calls, own, ahead)) === "committed") return;
          // Who has waited behind a group for as long as anybody may does not wait as long again.
          if (systemClock.monotonic() >= untilMs)
            throw new PostgresError("unavailable", "the calls ahead took too long");
        }
        return await this.#attempt(calls, own);
      } catch (error) {
        own.judge(error instanceof OutcomeUnknownError ? "unknown" : "not committed");
        const isWorth = mayPass(error) || this.#parts.connection.marker.isStale(error);
        if (!isWorth || conflicts >= conflictsMax || systemClock.monotonic() >= untilMs) throw error;
      }
      await systemClock.sleep(random.next() * Math.min(50, 2 ** conflicts));
    }
  }

  /** In one round trip, sent behind the group ahead while that is out. `not now`: nothing of it is committed, and the group ahead has ended. */
  async #follow(calls: readonly Call[], own: UnderWay, ahead: UnderWay): Promise<"committed" | "not now"> {
    await ahead.left;
    const { out } = ahead;
    if (out !== undefined && this.#pace.mayHurry) {
      const sent = { own, session: out.session, behind: { verdict: ahead.verdict, number: out.number } };
      if ((await this.#hurry(calls, sent)) === "committed") return "committed";
      own.judge("not committed");
    }
    await ahead.ended;
    return "not now";
  }

  async #attempt(calls: readonly Call[], own: UnderWay): Promise<void> {
    const { shared, connection, shard } = this.#parts;
    const session = await connection.steady.get();
    await connection.marker.register(session);
    if (!this.#pace.mayHurry) this.#pace.takesCare();
    else if ((await this.#hurry(calls, { own, session })) === "committed") return;
    own.judge("not committed");
    for (const call of calls) delete call.answer;
    let committing: Committing | undefined;
    try {
      const done = await carryOut(shared, calls, { runner: session, shard, transaction: "begin" });
      committing = this.#marked(done);
      done.script.add(commit);
      await done.script.run(session);
      this.#parts.whenCommitted(done.work.topics.all);
    } catch (error) {
      await this.#failed(session, { calls, error, committing });
    }
  }

  /** In one round trip, if the calls allow it and everything is as they expect. */
  async #hurry(calls: readonly Call[], { own, session, behind }: Sending): Promise<"committed" | "needs care"> {
    const { shared, shard } = this.#parts;
    for (const call of calls) delete call.answer;
    const done = carryOutQuickly(shared, calls, shard);
    if (done === undefined) return "needs care";
    const committing = this.#marked(done, behind?.number);
    // What has no mark would be done behind what is not committed, too.
    if (behind !== undefined && committing === undefined) return "needs care";
    try {
      const answered = done.script.run(behind === undefined ? session : { run: session.runBehind.bind(session) });
      if (committing !== undefined) own.goOut({ session, number: committing.number });
      await answered;
      this.#pace.passed();
      this.#parts.whenCommitted(done.work.topics.all);
    } catch (error) {
      own.comeBack();
      const verdict = await behind?.verdict;
      // Nothing is committed behind what is not.
      if (verdict === "not committed") return "needs care";
      if (verdict === "unknown") throw new OutcomeUnknownError({ cause: error });
      if (isUnexpected(error)) {
        this.#pace.missed();
        return "needs care";
      }
      await this.#failed(session, { calls, error, committing });
    }
    own.judge("committed");
    return "committed";
  }

  /** Adds the mark to what writes. */
  #marked(done: CarriedOut, behind?: number): Committing | undefined {
    if (done.writes === "none") return undefined;
    const { number, statement } = this.#parts.connection.marker.next(behind);
    done.script.add(statement);
    return { done, number };
  }

  /** Rejects with the error, unless the transaction has been committed all the same. */
  async #failed(session: PostgresSession, attempt: FailedAttempt): Promise<void> {
    const { shared, connection } = this.#parts;
    const { calls, error, committing } = attempt;
    if (!isLost(error)) {
      await this.#rollBack(session, error);
      throw error;
    }
    connection.steady.drop(session);
    if (committing === undefined) throw error;
    const { done } = committing;
    const lists = (await this.#resolve(committing.number, error)).split(";");
    for (const [index, read] of (done.noted ?? []).entries()) read((lists[index] ?? "").split(","));
    // What a claim handed out was in the answer that was lost: nobody holds it, and it comes back behind its lease.
    const nextDueAtMs = shared.clock.now();
    for (const call of calls) if (call.kind === "claim") call.answer ??= { claims: [], nextDueAtMs };
    this.#parts.whenCommitted(done.work.topics.all);
  }

  async #rollBack(session: PostgresSession, error: unknown): Promise<void> {
    const isOutdated = error instanceof PostgresError && error.reason === "outdated";
    if (isOutdated) this.#parts.connection.steady.drop(session);
    else await session.run([rollback]).catch(() => this.#parts.connection.steady.drop(session));
  }

  /** The connection was lost behind COMMIT. Answers what the transaction noted when it was committed, rejects with the fault when it was not. */
  async #resolve(number: number, error: unknown): Promise<string> {
    const { connection, busyMaxMs } = this.#parts;
    const untilMs = systemClock.monotonic() + busyMaxMs;
    for (;;) {
      const asked = await fateOf(connection, number);
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
  readonly committing: Committing | undefined;
}

/** What writes, and the number of its mark. */
interface Committing {
  readonly done: CarriedOut;
  readonly number: number;
}

/** A group's place in the line. */
interface Place {
  readonly own: UnderWay;
  /** The group before, unless it has ended. */
  readonly ahead?: UnderWay | undefined;
}

/** How a quick attempt is sent. */
interface Sending {
  readonly own: UnderWay;
  readonly session: PostgresSession;
  /** Set when it goes behind another. */
  readonly behind?: { readonly verdict: Promise<Verdict>; readonly number: number };
}

/** When to try in one round trip: where others write the same things, what is expected is often not so. */
class Pace {
  #careful = 0;
  #misses = 0;

  get mayHurry(): boolean {
    return this.#careful === 0;
  }

  takesCare(): void {
    this.#careful -= 1;
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
async function fateOf({ steady, marker }: OwnConnection, number: number): Promise<CommitFate | undefined> {
  try {
    return await marker.outcome(await steady.get(), number);
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
