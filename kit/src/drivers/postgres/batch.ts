import type { Bound, Statement, WireRow, WireRows } from "./statement.ts";
import type { Submittable, WireConnection } from "./wire-client.ts";

/** What one connection has prepared. */
export class PreparedNames extends Map<Statement, string> {
  /** Names given so far. */
  made = 0;
  /** Names of which nobody knows whether the server has them, behind a fault; the next batch takes them back. */
  readonly doubtful: string[] = [];
}

/** Several prepared statements in one round trip, one transaction unless one is open: the first error ends it, and none of the later ones run. */
export class Batch implements Submittable {
  readonly answered: Promise<readonly WireRows[]>;
  readonly #statements: readonly Bound[];
  /** Under which names the connection has prepared statements, or will have once the batch has passed. */
  readonly #prepared: PreparedNames;
  /** What it prepares itself. */
  readonly #own = new Set<Statement>();
  readonly #resolve: (answers: readonly WireRows[]) => void;
  readonly #reject: (error: unknown) => void;
  readonly #answers: WireRows[] = [];
  #rows: WireRow[] = [];
  #error: { readonly error: unknown } | undefined;
  #isWritten = false;

  constructor(statements: readonly Bound[], prepared: PreparedNames) {
    this.#statements = statements;
    this.#prepared = prepared;
    const { promise, resolve, reject } = Promise.withResolvers<readonly WireRows[]>();
    this.answered = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Writes it, if it is not written yet: who writes it before the client does sends it behind what the client is waiting for. */
  submit(connection: WireConnection): Error | undefined {
    if (this.#isWritten) return undefined;
    this.#isWritten = true;
    // Together in one packet.
    connection.stream.cork?.();
    try {
      for (const name of this.#prepared.doubtful.splice(0)) connection.close({ type: "S", name });
      for (const { statement, values } of this.#statements) {
        const name = this.#prepared.get(statement) ?? this.#prepare(connection, statement);
        connection.bind({ statement: name, values });
        connection.execute({});
      }
      connection.sync();
    } catch (error) {
      // Part of it may be on its way, and the server would answer it.
      connection.stream.destroy();
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      connection.stream.uncork?.();
    }
    return undefined;
  }

  #prepare(connection: WireConnection, statement: Statement): string {
    // A name is never used again: behind a fault it is not known whether the statement was still prepared.
    const name = `ashlar_${(this.#prepared.made += 1)}`;
    connection.parse({ name, text: statement.text });
    this.#prepared.set(statement, name);
    this.#own.add(statement);
    return name;
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#rows.push(fields);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    // "INSERT 0 5", "UPDATE 5", "SELECT 5", "COMMIT"
    const count = Number(text.slice(text.lastIndexOf(" ") + 1));
    this.#answers.push({ rows: this.#rows, count: Number.isNaN(count) ? 0 : count });
    this.#rows = [];
  }

  handleEmptyQuery(): void {
    this.#answers.push({ rows: [], count: 0 });
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#answers);
  }

  handleError(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = { error };
    // What was to be prepared behind the fault was not; what was prepared before stays.
    for (const { statement } of this.#statements.slice(this.#answers.length))
      if (this.#own.has(statement)) this.#forget(statement);
    this.#reject(error);
  }

  #forget(statement: Statement): void {
    const name = this.#prepared.get(statement);
    if (name !== undefined) this.#prepared.doubtful.push(name);
    this.#prepared.delete(statement);
  }

  handleRowDescription(): void {}

  handlePortalSuspended(): void {}
}
