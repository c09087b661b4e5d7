import { PostgresError } from "./postgres-error.ts";
import type { PostgresSession } from "./session.ts";
import { bound, statement, type Bound, type Statement } from "./statement.ts";

/** Statements of the markers of one schema. */
export interface MarkerStatements {
  readonly register: Statement;
  readonly mark: Statement;
  readonly fence: Statement;
}

export function markerStatements(schema: string): MarkerStatements {
  const table = `${schema}.ashlar_writer`;
  return {
    register: statement(`insert into ${table} default values returning id`),
    // No row, no commit: the division fails, and with it the transaction. Behind another, that one's note is kept as a second line.
    mark: statement(`with marked as (update ${table} set commits = $2, at = now(),
          note = coalesce(current_setting('ashlar.note', true), '')
            || case when $4::bigint > 0 then E'\\n' || split_part(coalesce(note, ''), E'\\n', 1) else '' end
        where id = $1 and epoch = $3 and commits < $2 and commits >= $4 returning 1)
      select 1 / count(*) from marked`),
    fence: statement(`update ${table} set epoch = epoch + 1, at = now() where id = $1 returning commits, epoch, note`),
  };
}

/** The last statement of a transaction before COMMIT, and by which number it is known afterwards. */
export interface Mark {
  readonly number: number;
  readonly statement: Bound;
}

/** What became of a transaction. `note`: what its statements had put into the setting `ashlar.note` for whoever asks, because its answers were lost; without line
 *  breaks. */
export type CommitFate = { readonly fate: "committed"; readonly note: string } | { readonly fate: "not committed" };

/** The state of the division in `mark` when the row is fenced or gone. */
const divisionByZero = "22012";

/**
 * Tells, after a connection was lost behind COMMIT, whether the transaction was committed. Each transaction of a writer raises a number in the
 * writer's own row as its last statement. To ask, the row's epoch is raised: that waits for the lost transaction if it is still about to commit,
 * makes it fail if it arrives later, and answers which number was committed last. One of which nobody learned the fate in time fails, too, when it
 * arrives behind the next. Unlike the status of a transaction id it also holds
 * after a fail-over to a replica that never had the commit. Of two that are sent one behind the other, the second is committed only if the first one is.
 */
export class CommitMarker {
  readonly #statements: MarkerStatements;
  #id: string | undefined;
  #epoch = 0;
  #commits = 0;

  constructor(statements: MarkerStatements) {
    this.#statements = statements;
  }

  /** Makes the row of this writer, once. Outside of a transaction. */
  async register(session: PostgresSession): Promise<void> {
    if (this.#id !== undefined) return;
    const [answer] = await session.run([bound(this.#statements.register)]);
    this.#id = answer?.rows[0]?.[0] ?? undefined;
    this.#epoch = 0;
    this.#commits = 0;
  }

  /** The mark of the next transaction. It fails unless the one of number `behind`, which is still under way on the same connection, is committed. */
  next(behind = 0): Mark {
    this.#commits += 1;
    const numbers = [this.#commits, this.#epoch, behind].map(String);
    return { number: this.#commits, statement: bound(this.#statements.mark, this.#id ?? null, ...numbers) };
  }

  /** What became of the transaction of that number, the last one or the one that the last one was sent behind. Outside of a transaction; waits while it is
   *  undecided. */
  async outcome(session: PostgresSession, number: number): Promise<CommitFate> {
    const [answer] = await session.run([bound(this.#statements.fence, this.#id ?? null)]);
    const [commits, epoch, note] = answer?.rows[0] ?? [];
    if (epoch === undefined) {
      this.#id = undefined;
      return { fate: "not committed" };
    }
    this.#epoch = Number(epoch);
    const behind = Number(commits) - number;
    return behind < 0 ? { fate: "not committed" } : { fate: "committed", note: note?.split("\n")[behind] ?? "" };
  }

  /** Whether the error says that the row is gone (cleaned up while the process slept); the next transaction registers anew. */
  isStale(error: unknown): boolean {
    if (!(error instanceof PostgresError) || error.sqlState !== divisionByZero) return false;
    this.#id = undefined;
    return true;
  }
}
