import { gate } from "../../abort/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import { Batch, PreparedNames } from "./batch.ts";
import { PostgresError, postgresError } from "./postgres-error.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { Bound, WireRows } from "./statement.ts";
import type { WireClient } from "./wire-client.ts";

/** Rows of a statement as objects, and how many it touched. */
export interface QueryResult<Row> {
  readonly rows: readonly Row[];
  readonly count: number;
}

/** One connection. Calls run one after another in their order. */
export interface PostgresSession {
  readonly facts: ServerFacts;
  /** Process id of the server's side. */
  readonly pid: number;
  readonly isOpen: boolean;
  /** Runs prepared statements in one round trip: one transaction, unless one is open. Rejects with PostgresError at the first that fails;
   *  the later ones were not run. */
  run(statements: readonly Bound[]): Promise<readonly WireRows[]>;
  /** `run` without waiting for the answers of the one batch that may be under way: the server has the next one when it is done with that. What becomes
   *  of that one changes nothing; a later `run` waits until both are answered. */
  runBehind(statements: readonly Bound[]): Promise<readonly WireRows[]>;
  /** Runs one statement of the caller's with values that the client library converts. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<QueryResult<Row>>;
  /** Calls `heard` once when the connection is gone; at once when it is. */
  onLost(heard: () => void): void;
  onNotification(heard: (payload: string) => void): void;
  /** Cuts the connection without a word; what runs rejects. */
  destroy(): void;
  /** Says good-bye. */
  close(): Promise<void>;
}

export interface SessionParts {
  readonly client: WireClient;
  readonly clock: Clock;
  /** Longest wait for an answer; then the connection counts as lost. */
  readonly answerMaxMs: number;
}

/** A session on a connected client. */
export class Session implements PostgresSession {
  readonly #parts: SessionParts;
  readonly #prepared = new PreparedNames();
  readonly #onLost: (() => void)[] = [];
  #facts: ServerFacts | undefined;
  #isOpen = true;
  /** The end of a batch that was sent behind another; never rejects. */
  #behind: Promise<void> | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { client } = parts;
    const lost = (): void => this.#lost();
    client.on("error", lost);
    client.on("end", lost);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get facts(): ServerFacts {
    if (this.#facts === undefined) throw new PostgresError("other", "the session has not been introduced");
    return this.#facts;
  }

  get pid(): number {
    return this.facts.pid;
  }

  introduce(facts: ServerFacts): void {
    this.#facts = facts;
  }

  async run(statements: readonly Bound[]): Promise<readonly WireRows[]> {
    if (this.#behind !== undefined) await this.#behind;
    return this.#send(statements);
  }

  async runBehind(statements: readonly Bound[]): Promise<readonly WireRows[]> {
    const end = gate();
    this.#behind = end.promise;
    try {
      return await this.#send(statements);
    } finally {
      if (this.#behind === end.promise) this.#behind = undefined;
      end.open();
    }
  }

  async query<Row>(text: string, values: readonly unknown[] = []): Promise<QueryResult<Row>> {
    const { rows, rowCount } = await this.#answered(oneLine(text), () => this.#parts.client.query(text, values));
    return { rows: rows as readonly Row[], count: rowCount ?? 0 };
  }

  onLost(heard: () => void): void {
    if (this.#isOpen) this.#onLost.push(heard);
    else heard();
  }

  onNotification(heard: (payload: string) => void): void {
    this.#parts.client.on("notification", ({ payload }) => heard(payload ?? ""));
  }

  destroy(): void {
    this.#lost();
    this.#parts.client.connection.stream.destroy();
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#lost();
    await this.#parts.client.end().catch(() => undefined);
  }

  #send(statements: readonly Bound[]): Promise<readonly WireRows[]> {
    const { client } = this.#parts;
    const batch = new Batch(statements, this.#prepared);
    return this.#answered("a batch", async () => {
      if (this.#behind !== undefined) batch.submit(client.connection);
      client.query(batch);
      return batch.answered;
    });
  }

  async #answered<T>(doing: string, ask: () => Promise<T>): Promise<T> {
    if (!this.#isOpen) throw new PostgresError("connection", `${doing}: the connection is closed`);
    const { clock, answerMaxMs } = this.#parts;
    // A peer that is gone without a word would keep us waiting for hours.
    const watchdog = clock.setTimer(answerMaxMs, () => this.destroy(), { holdsProcess: "no" });
    try {
      return await ask();
    } catch (error) {
      throw postgresError(error, doing);
    } finally {
      watchdog.cancel();
    }
  }

  #lost(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const heard of this.#onLost.splice(0)) heard();
  }
}

/** The beginning of a statement, as it stands in an error. */
function oneLine(text: string): string {
  return text.slice(0, 200).trim().replaceAll(/\s+/g, " ").slice(0, 80);
}
