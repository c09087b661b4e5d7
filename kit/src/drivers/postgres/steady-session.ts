import { DisposedError } from "../../errors/mod.ts";
import { connect } from "./connector.ts";
import type { ResolvedPostgres } from "./options.ts";
import type { PostgresSession } from "./session.ts";

/** One connection that is made again whenever it is lost. For one user, who calls after the other. */
export class SteadySession implements AsyncDisposable {
  readonly #options: ResolvedPostgres;
  readonly #closing = new AbortController();
  #session: PostgresSession | undefined;

  constructor(options: ResolvedPostgres) {
    this.#options = options;
  }

  /** The connection, or a new one within `connectMaxMs`. Rejects with PostgresError when there is none to be had. */
  async get(): Promise<PostgresSession> {
    if (this.#session?.isOpen === true) return this.#session;
    const { clock, connectMaxMs } = this.#options;
    const untilMs = clock.monotonic() + connectMaxMs;
    this.#session = await connect(this.#options, { untilMs, signal: this.#closing.signal });
    return this.#session;
  }

  /** Cuts that connection, and makes the next `get` connect anew if it is still this one. */
  drop(session: PostgresSession): void {
    session.destroy();
    if (this.#session === session) this.#session = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DisposedError("the PostgreSQL connection"));
    await this.#session?.close();
  }
}
