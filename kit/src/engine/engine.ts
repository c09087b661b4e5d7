import type { Clock } from "../clock/mod.ts";
import type { Cell, CellKey } from "./cell.ts";
import type { Change } from "./change.ts";
import type { CommitResult } from "./commit-result.ts";
import type { Durability } from "./durability.ts";
import type { RecordedEvent } from "./event-record.ts";
import type { Claim, Receipt } from "./message.ts";
import type { ScanQuery, ScanRow } from "./scan.ts";

/** The kinds of state of the port. `inbox`: what `seen` remembers. */
export type EnginePart = "messages" | "cells" | "events" | "inbox";

/** What an engine can do; what it cannot is refused with `UnsupportedError`. */
export interface Capabilities {
  /** Name for people: `memory`, `sqlite` … */
  readonly engine: string;
  /** What it keeps. Changes and scans of other parts are refused, and their methods are not in its type. */
  readonly parts: readonly EnginePart[];
  readonly durability: Durability;
  /** Whether several processes can share the data. */
  readonly sharing: "one process" | "one machine" | "many machines";
  /** Whether user code can enlist its own statements in a commit. */
  readonly transactions: "sql" | "none";
  /** Largest body, event or cell value in bytes. */
  readonly payloadBytesMax: number;
  /** Most changes in one commit. */
  readonly changesMax: number;
}

/** Whatever takes a list of changes as one atomic unit: an engine, or a transaction on it. */
export interface Committer {
  /** Applies all changes or none. Resolves once they are as durable as the engine's class says.
   *  Callers that wait in the same turn of the event loop share one transaction; each is judged alone.
   *  A refusal is a value; faults (`StorageError`, `ChangeError` for a malformed change) reject, and then nothing was applied. */
  commit(changes: readonly Change[]): Promise<CommitResult>;
}

/** What a worker asks for. Out of range: ConfigError. */
export interface ClaimRequest {
  readonly queue: string;
  /** At most so many messages. */
  readonly count: number;
  /** How long the lease runs without `extend`. */
  readonly leaseMs: number;
  /** At most so many of them may be suspects (messages whose holder died before). Default `count`. */
  readonly suspects?: number | undefined;
  /** A message whose holder died so often goes to the dead letters with reason `crashed`. Default 5. */
  readonly crashesMax?: number | undefined;
}

/** What was handed out, perhaps nothing, and when to ask again. */
export interface ClaimResult {
  readonly claims: readonly Claim[];
  /** Engine time at which the next delayed message of this queue matures or the next lease ends, if any: when to look again without a bell. */
  readonly nextDueAtMs: number | undefined;
}

/** A page of a log in its global order; the filters are joined by "and". Out of range: ConfigError. */
export interface ReadRequest {
  readonly log: string;
  /** Exclusive: 0 reads from the start. */
  readonly after: number;
  readonly limit: number;
  readonly types?: readonly string[] | undefined;
  readonly streamPrefix?: string | undefined;
  /** Only streams whose slot modulo `count` is `index`. */
  readonly partition?: { readonly index: number; readonly count: number } | undefined;
}

/** The events of a page that passed the filters, in order, and how far the log was looked at. */
export interface ReadResult {
  readonly events: readonly RecordedEvent[];
  /** Everything up to this position has been looked at: the checkpoint after `events`, also when the filter passed none. */
  readonly through: number;
  /** Last position of the log. */
  readonly head: number;
}

/** A page of one stream. Out of range: ConfigError. */
export interface StreamRequest {
  readonly log: string;
  readonly stream: string;
  /** Exclusive version; 0 reads from the start. */
  readonly after: number;
  readonly limit: number;
}

/** What every engine has, whatever it keeps. */
export interface EngineBase extends Committer, AsyncDisposable {
  readonly can: Capabilities;
  /** Judges leases and due times; those who wait on the engine take their timers from it. */
  readonly clock: Clock;
  /** Inspection in pages by key: rows changed meanwhile may or may not show; no row is shown twice. */
  scan<Q extends ScanQuery>(query: Q): AsyncIterable<ScanRow<Q>>;
  /** Calls `ring`, without arguments and soon after a commit, when something in one of the topics may be new. Lossy and coalesced by contract:
   *  whoever waits looks again at the latest after the engine's `nextDueAtMs` or a back-stop of its own. */
  bell(topics: readonly BellTopic[], ring: () => void): Disposable;
}

/** An engine that keeps messages: enough for queues. */
export interface MessageEngine extends EngineBase {
  /** Hands out ready messages under a lease, lower lanes first, oldest first; matures delayed ones and rescues lost leases on the way. */
  claim(request: ClaimRequest): Promise<ClaimResult>;
  /** Prolongs leases from now; `false` where the receipt is no longer the current one. */
  extend(receipts: readonly Receipt[], leaseMs: number): Promise<readonly boolean[]>;
}

/** An engine that keeps cells: enough for registrations, locks and leadership. */
export interface CellEngine extends EngineBase {
  /** Cells at the index of their key; `undefined` where absent or expired. */
  get(cells: readonly CellKey[]): Promise<readonly (Cell | undefined)[]>;
}

/** An engine that keeps logs of events. */
export interface LogEngine extends EngineBase {
  /** Events of a log in its global order. Sees every committed event before any later one. */
  read(request: ReadRequest): Promise<ReadResult>;
  /** Events of one stream in version order. */
  stream(request: StreamRequest): Promise<readonly RecordedEvent[]>;
}

/** The one durable port, whole: every write is a `commit`, and everything that waits is told by a `bell`.
 *  Every engine passes the public conformance suite (`ashlar/engine/conformance`) in the parts that it keeps. */
export interface Engine extends MessageEngine, CellEngine, LogEngine {}

/** `queue:NAME` (something may be claimable), `log:NAME` (events were appended), `cells:SPACE` (a cell was written). */
export type BellTopic = `queue:${string}` | `log:${string}` | `cells:${string}`;

/** An engine whose commits can carry the caller's own statements. */
export interface TransactionalEngine<Sql> extends Engine {
  /** Runs `work` and commits its statements and changes together, or none of them when it throws or `commit` fails.
   *  On engines with one writer, others wait while `work` runs: keep it short; it is refused after the engine's `transactionMaxMs`. */
  transaction<T>(work: (tx: Transaction<Sql>) => T | Promise<T>): Promise<T>;
}

/** An open transaction. `commit` applies its changes inside it: they become durable with it; a refused list leaves no trace. */
export interface Transaction<Sql> extends Committer {
  readonly sql: Sql;
}

/** An engine that can copy itself while it runs. */
export interface BackupEngine extends Engine {
  /** Writes a consistent copy; fails when the target exists. */
  backup(target: string): Promise<void>;
  /** Faults found in the stored data; empty when sound. */
  verify(): Promise<readonly string[]>;
}
