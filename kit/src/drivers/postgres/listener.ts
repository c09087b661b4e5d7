import { DisposedError } from "../../errors/mod.ts";
import { connect } from "./connector.ts";
import type { ResolvedPostgres } from "./options.ts";
import { bound, statement } from "./statement.ts";
import type { PostgresSession } from "./session.ts";

/** What a listener is told. */
export interface Heard {
  readonly notification: (payload: string) => void;
  /** The channel is heard (again): whatever was sent before is lost. */
  readonly listening: () => void;
}

/** How long the listener waits between two looks whether its connection still lives. */
const heartbeatMs = 10_000;
const pauseMaxMs = 5_000;
const heartbeat = bound(statement("select 1"));

/** Hears one channel on a connection of its own until it is disposed; connects again, with growing pauses, for as long as it takes. */
export class Listener implements AsyncDisposable {
  readonly #options: ResolvedPostgres;
  readonly #channel: string;
  readonly #heard: Heard;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #session: PostgresSession | undefined;

  constructor(options: ResolvedPostgres, channel: string, heard: Heard) {
    this.#options = options;
    this.#channel = channel;
    this.#heard = heard;
    this.#running = this.#run();
  }

  get isListening(): boolean {
    return this.#session?.isOpen === true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DisposedError("the PostgreSQL listener"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    for (let pauseMs = 50; !signal.aborted; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
      try {
        this.#session = await this.#listen();
        pauseMs = 50;
        await this.#untilLost(this.#session);
      } catch {
        // Not reachable, or lost: tried again below, for as long as it takes.
      }
      await clock.sleep(pauseMs * (0.5 + this.#options.random.next() / 2), { signal }).catch(() => undefined);
    }
    await this.#session?.close();
  }

  async #listen(): Promise<PostgresSession> {
    const { clock, connectMaxMs } = this.#options;
    const { signal } = this.#closing;
    // A half-open connection would be silent for ever: its heartbeat gets five seconds.
    const options = { ...this.#options, answerMaxMs: Math.min(5_000, this.#options.answerMaxMs) };
    const session = await connect(options, { untilMs: clock.monotonic() + connectMaxMs, signal });
    session.onNotification(this.#heard.notification);
    await session.query(`listen "${this.#channel}"`);
    this.#heard.listening();
    return session;
  }

  async #untilLost(session: PostgresSession): Promise<void> {
    const { clock } = this.#options;
    const lost = new AbortController();
    session.onLost(() => lost.abort());
    const signal = AbortSignal.any([lost.signal, this.#closing.signal]);
    while (!signal.aborted) {
      await clock.sleep(heartbeatMs, { signal }).catch(() => undefined);
      if (!signal.aborted) await session.run([heartbeat]);
    }
  }
}
