import { DisposedError } from "../../errors/mod.ts";
import { markerStatements } from "./commit-marker.ts";
import { Pool } from "./pool.ts";
import { isLost, PostgresError } from "./postgres-error.ts";
import { PrimaryMarks } from "./primary-marks.ts";
import { type ReadReplicaOptions, type ResolvedReadReplica, resolveReadReplica } from "./read-replica-options.ts";
import { type Admission, ReplicaPresence } from "./replica-presence.ts";
import { ReplayWait } from "./replay-wait.ts";
import type { PostgresSession, QueryResult } from "./session.ts";
import { askNextRecord, askReplayed, latestRecordEnd, replayedBytes } from "./wal-position.ts";
import { walBytes, walPosition, type WalPosition } from "./wal-position.ts";

/** What a read demands. */
export interface ReadOptions {
  /** It sees all that was committed before this position. Without it the answer may be `staleMaxMs` old. */
  readonly after?: WalPosition | undefined;
  /** `ask`: the answer says how far it has seen, for the `after` of the next read; one more round trip. Default `none`. */
  readonly position?: "ask" | "none";
}

/** Rows, and where they are from. */
export interface ReadAnswer<Row> extends QueryResult<Row> {
  readonly from: "replica" | "primary";
  /** Nothing behind it was seen. Only when asked for. */
  readonly position: WalPosition | undefined;
}

/** Why a read went to the primary. `behind`: not replayed in time; `away`: not reachable, broken, or promoted; `busy`: no connection, or too many wait; `conflict`:
 *  ended by the replica, because replay could not wait; `lacking`: the replica does not know what the statement names, or does not yet. */
export type PrimaryReason = "behind" | "away" | "busy" | "conflict" | "lacking";

/** How a replica is doing. */
export interface ReadReplicaStatus {
  readonly status: "up" | "away";
  /** Why it is away. */
  readonly reason: string | undefined;
  /** Reads that wait for replay. */
  readonly waiting: number;
  /** Reads answered since the beginning, by place, and for the primary by why. */
  readonly reads: { readonly replica: number; readonly primary: Readonly<Record<PrimaryReason, number>> };
}

/** Reads from a replica where that is good enough, and from the primary where it is not. */
export interface ReadReplica extends AsyncDisposable {
  /** Runs one statement that only reads: a replica refuses others, the primary does not. Rejects as a query of the primary does; with ConfigError when
   *  `after` is no position. */
  query<Row>(text: string, values?: readonly unknown[], options?: ReadOptions): Promise<ReadAnswer<Row>>;
  /** Asks the primary for a position behind all that is committed: taken after a commit, a read `after` it sees that commit. One round trip. */
  position(): Promise<WalPosition>;
  readonly status: ReadReplicaStatus;
}

/** Makes it; connects at the first read. Throws ConfigError. */
export function readReplica(options: ReadReplicaOptions): ReadReplica {
  return new Reads(resolveReadReplica(options));
}

interface Read {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly position: "ask" | "none";
}

/** What a read has to see, and how long it waits for that. */
interface Demand {
  readonly bytes: bigint;
  readonly waitMs: number;
}

type Attempt<Row> = { readonly answer: ReadAnswer<Row> } | { readonly instead: PrimaryReason };

class Reads implements ReadReplica {
  readonly #options: ResolvedReadReplica;
  readonly #pool: Pool;
  readonly #presence: ReplicaPresence;
  readonly #wait: ReplayWait;
  readonly #marks: PrimaryMarks | undefined;
  readonly #counts = { replica: 0, behind: 0, away: 0, busy: 0, conflict: 0, lacking: 0 };
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedReadReplica) {
    const { replica, staleMaxMs, waitersMax } = options;
    const { clock } = replica;
    this.#options = options;
    this.#pool = new Pool(replica, markerStatements(replica.schema));
    this.#presence = new ReplicaPresence(replica);
    const look = (): Promise<bigint> => this.#pool.use(({ session }) => this.#replayed(session));
    this.#wait = new ReplayWait({ look, waitersMax, clock });
    if (staleMaxMs !== "unbounded") this.#marks = new PrimaryMarks({ ask: () => this.#committed(), staleMaxMs, clock });
  }

  get status(): ReadReplicaStatus {
    const { replica, ...primary } = this.#counts;
    const { state } = this.#presence;
    const reason = state.kind === "away" ? state.reason : undefined;
    return { status: state.kind, reason, waiting: this.#wait.waiting, reads: { replica, primary } };
  }

  async query<Row>(
    text: string,
    values: readonly unknown[] = [],
    { after, position = "none" }: ReadOptions = {},
  ): Promise<ReadAnswer<Row>> {
    if (this.#closing !== undefined) throw new DisposedError("the read replica");
    const read: Read = { text, values, position };
    const attempt = await this.#onReplica<Row>(read, after === undefined ? undefined : walBytes(after));
    if ("answer" in attempt) {
      this.#counts.replica += 1;
      return attempt.answer;
    }
    this.#counts[attempt.instead] += 1;
    const { rows, count } = await this.#options.primary.query<Row>(text, values);
    return { rows, count, from: "primary", position: position === "ask" ? await this.position() : undefined };
  }

  async position(): Promise<WalPosition> {
    return walPosition(await this.#committed());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#wait.fail(new DisposedError("the read replica"));
    await this.#pool.close();
  }

  async #committed(): Promise<bigint> {
    const [answer] = await this.#options.primary.run([askNextRecord]);
    return latestRecordEnd(answer?.rows[0] ?? []);
  }

  async #onReplica<Row>(read: Read, after: bigint | undefined): Promise<Attempt<Row>> {
    // Asks the primary; when that fails, it would fail for the read, too.
    const demand = await this.#demand(after);
    const admission = this.#presence.admit();
    if (admission === "no") return { instead: "away" };
    try {
      const attempt = demand === undefined ? behind : await this.#whenReplayed<Row>(read, demand);
      this.#presence.came();
      return attempt;
    } catch (error) {
      return { instead: this.#reasonOf(error, admission) };
    }
  }

  async #demand(after: bigint | undefined): Promise<Demand | undefined> {
    const { waitMaxMs } = this.#options;
    if (after !== undefined) return { bytes: after, waitMs: waitMaxMs };
    if (this.#marks === undefined) return { bytes: 0n, waitMs: 0 };
    const fresh = await this.#marks.freshEnough();
    return fresh && { bytes: fresh.bytes, waitMs: Math.min(waitMaxMs, fresh.waitMs) };
  }

  async #whenReplayed<Row>(read: Read, { bytes, waitMs }: Demand): Promise<Attempt<Row>> {
    const { clock } = this.#options.replica;
    for (const untilMs = clock.monotonic() + waitMs; ;) {
      const answer = await this.#pool.use(({ session }) => this.#readOn<Row>(session, read, bytes));
      if (answer !== undefined) return { answer };
      const waited = await this.#wait.reached(bytes, untilMs - clock.monotonic());
      if (waited !== "reached") return { instead: waited === "late" ? "behind" : "busy" };
    }
  }

  /** On one connection, because another one may lead to a server that is not as far, and this one after a restart. Undefined when it is not so far. */
  async #readOn<Row>(session: PostgresSession, read: Read, bytes: bigint): Promise<ReadAnswer<Row> | undefined> {
    if ((await this.#replayed(session)) < bytes) return undefined;
    const { rows, count } = await session.query<Row>(read.text, read.values);
    const position = read.position === "ask" ? walPosition(await this.#replayed(session)) : undefined;
    return { rows, count, from: "replica", position };
  }

  async #replayed(session: PostgresSession): Promise<bigint> {
    const { clock, connectMaxMs } = this.#options.replica;
    // This is quick wherever all is well, and others would be kept waiting for `answerMaxMs`.
    const watchdog = clock.setTimer(connectMaxMs, () => session.destroy(), { holdsProcess: "no" });
    const [answer] = await session.run([askReplayed]).finally(() => watchdog.cancel());
    const bytes = replayedBytes(answer?.rows[0] ?? []);
    if (bytes !== undefined) return bytes;
    // Its connections survive the promotion; the next one may find another server behind the address.
    session.destroy();
    throw new PostgresError("unavailable", "the server is a primary now, and no replica");
  }

  /** Why the primary is asked instead. Throws what it would answer as well. */
  #reasonOf(error: unknown, admission: Admission): PrimaryReason {
    if (isUnfit(error)) {
      this.#presence.left(admission, error instanceof Error ? error.message : String(error));
      return "away";
    }
    // It has answered, or its place in the pool was not to be had.
    this.#presence.came();
    const reason = error instanceof PostgresError ? reasonFor(error) : undefined;
    if (reason === undefined) throw error;
    return reason;
  }
}

const behind = { instead: "behind" } as const;

/** Gone, or broken in a way that the primary need not be. */
function isUnfit(error: unknown): boolean {
  return isLost(error) || (error instanceof PostgresError && (error.reason === "full" || error.reason === "corrupt"));
}

/** Undefined: it is the statement's fault, or the caller's. */
function reasonFor({ reason, sqlState }: PostgresError): PrimaryReason | undefined {
  if (reason === "busy" || reason === "conflict") return reason;
  // A table that is not there, or not yet; "denied" is of the same class, and would be no better on the primary.
  return reason === "outdated" || (sqlState.startsWith("42") && reason !== "denied") ? "lacking" : undefined;
}
