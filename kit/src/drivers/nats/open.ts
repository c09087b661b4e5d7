import { DisposedError } from "../../errors/mod.ts";
import { connect, Pauses } from "./connector.ts";
import { errorOfClient, NatsError, OutcomeUnknownError } from "./nats-error.ts";
import { type NatsOptions, resolveNats, type ResolvedNats } from "./options.ts";
import type { Wire, WireHeaders, WireMessage, WireSubscription } from "./wire-client.ts";

/** An answer, or a message of a subscription. */
export type NatsReply = WireMessage;

/** How one request is sent and judged. */
export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** "none": it changes nothing, or doing it twice is as good as once, so that a lost answer is NatsError `connection` in place of
   *  OutcomeUnknownError. Default "writes". */
  readonly effect?: "writes" | "none";
  /** Longest wait for the answer, in place of `answerMaxMs` where that is longer. */
  readonly withinMs?: number | undefined;
}

/** How a subject is heard. */
export interface HearOptions {
  /** Of all that hear the same subject with the same queue one gets a message: a word without spaces. Default: each gets all. */
  readonly queue?: string | undefined;
  /** The server refused the subject; nothing is heard. */
  readonly refused?: ((error: Error) => void) | undefined;
}

/** Whether the server answers, and how fast. */
export interface NatsHealth {
  readonly status: "up" | "down";
  readonly latencyMs: number | undefined;
  /** Requests that wait for a connection or an answer. */
  readonly requestsInHand: number;
  readonly server: string | undefined;
  readonly version: string | undefined;
  readonly reason: string | undefined;
}

/** A connection that is made again whenever it is lost. */
export interface NatsConnection extends AsyncDisposable {
  readonly isConnected: boolean;
  /** Largest message that the server takes, headers included, in bytes. */
  readonly messageBytesMax: number;
  readonly apiPrefix: string;
  readonly clock: ResolvedNats["clock"];
  /** Sends a request as soon as there is a connection. Rejects with NatsError, OutcomeUnknownError or DisposedError. */
  request(subject: string, data: string | Uint8Array, options?: RequestOptions): Promise<NatsReply>;
  /** Sends without an answer; what cannot be sent now is dropped. */
  tell(subject: string): void;
  /** Sends a message to whoever hears the subject now, as soon as there is a connection. Resolves when the server has taken it, which says nothing of
   *  listeners, nor of rights: what the user may not send the server drops. Rejects as `request` does. */
  send(subject: string, data: string, headers?: Readonly<Record<string, string>>): Promise<void>;
  /** Hears a subject, across lost connections; what was sent meanwhile is lost. The server knows of it after the next `flush`. */
  hear(subject: string, heard: (message: NatsReply) => void, options?: HearOptions): Disposable;
  /** Resolves when the server has taken everything before it, subjects to hear too. Rejects with NatsError or DisposedError. */
  flush(): Promise<void>;
  /** Calls `changed` after each connection that was lost or made again. */
  watch(changed: (state: "connected" | "lost") => void): Disposable;
  /** A subject that nobody else has. */
  inbox(): string;
  health(): Promise<NatsHealth>;
}

/** Connects. Throws ConfigError, UnsupportedError (no client library, server too old), NatsError. */
export async function openNats(options: NatsOptions): Promise<NatsConnection> {
  const resolved = resolveNats(options);
  const pauses = new Pauses(resolved.random);
  return new Connection(resolved, await connect(resolved, pauses), pauses);
}

const nothing = new Uint8Array(0);
const encoder = new TextEncoder();

/** Something that is asked of the server, and judged when it fails. */
interface Asking<T> {
  readonly doing: string;
  /** Of the body, in bytes. */
  readonly length: number;
  readonly effect?: RequestOptions["effect"];
  readonly ask: () => Promise<T>;
}

class Connection implements NatsConnection {
  readonly #options: ResolvedNats;
  readonly #wire: Wire;
  readonly #pauses: Pauses;
  readonly #watchers = new Set<(state: "connected" | "lost") => void>();
  #state: "connected" | "lost" | "closed" = "connected";
  #inHand = 0;
  #inboxes = 0;
  #lastFault: unknown;
  readonly #own: string;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedNats, wire: Wire, pauses: Pauses) {
    this.#options = options;
    this.#wire = wire;
    this.#pauses = pauses;
    this.#own = `_INBOX.ashlar.${options.random.integer(0, 2 ** 48).toString(36)}${options.random.integer(0, 2 ** 48).toString(36)}`;
    void this.#attend();
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  get messageBytesMax(): number {
    return this.#wire.connection.info?.max_payload ?? 1_048_576;
  }

  get apiPrefix(): string {
    return this.#options.apiPrefix;
  }

  get clock(): ResolvedNats["clock"] {
    return this.#options.clock;
  }

  async request(subject: string, data: string | Uint8Array, options: RequestOptions = {}): Promise<NatsReply> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const timeout = Math.min(options.withinMs ?? Number.POSITIVE_INFINITY, this.#options.answerMaxMs);
    const sent = { timeout, ...this.#headersOf(options.headers) };
    const ask = (): Promise<NatsReply> => this.#wire.connection.request(subject, bytes, sent);
    return this.#inHandOnce({ doing: subject, length: bytes.length, effect: options.effect, ask });
  }

  async send(subject: string, data: string, headers?: Readonly<Record<string, string>>): Promise<void> {
    const bytes = encoder.encode(data);
    const ask = async (): Promise<void> => {
      this.#wire.connection.publish(subject, bytes, this.#headersOf(headers));
      await this.#within(this.#wire.connection.flush());
    };
    await this.#inHandOnce({ doing: subject, length: bytes.length, ask });
  }

  async flush(): Promise<void> {
    const ask = (): Promise<void> => this.#within(this.#wire.connection.flush());
    await this.#inHandOnce({ doing: "flush", length: 0, effect: "none", ask });
  }

  tell(subject: string): void {
    if (this.isConnected) this.#wire.connection.publish(subject, nothing);
  }

  hear(subject: string, heard: (message: NatsReply) => void, { queue, refused }: HearOptions = {}): Disposable {
    if (this.#closing !== undefined) throw new DisposedError("the NATS connection");
    const callback = (error: Error | null, message: WireMessage): void => {
      if (error === null) heard(message);
      else refused?.(errorOfClient(error, subject));
    };
    const subscription: WireSubscription = this.#wire.connection.subscribe(subject, { callback, queue });
    return { [Symbol.dispose]: () => subscription.unsubscribe() };
  }

  watch(changed: (state: "connected" | "lost") => void): Disposable {
    const own = (state: "connected" | "lost"): void => changed(state);
    this.#watchers.add(own);
    return { [Symbol.dispose]: () => void this.#watchers.delete(own) };
  }

  inbox(): string {
    return `${this.#own}.${++this.#inboxes}`;
  }

  async health(): Promise<NatsHealth> {
    const requestsInHand = this.#inHand;
    const { info } = this.#wire.connection;
    const known = { requestsInHand, server: info?.server_name, version: info?.version };
    if (!this.isConnected)
      return { status: "down", latencyMs: undefined, ...known, reason: reasonText(this.#lastFault) };
    try {
      const latencyMs = await this.#within(this.#wire.connection.rtt());
      return { status: "up", latencyMs, ...known, reason: undefined };
    } catch (error) {
      return { status: "down", latencyMs: undefined, ...known, reason: reasonText(error) };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What was sent is answered first, for at most `answerMaxMs`; without a connection there is nothing to wait for. */
  async #close(): Promise<void> {
    const { connection } = this.#wire;
    if (this.isConnected) await this.#within(connection.drain()).catch(() => undefined);
    this.#change("closed");
    await connection.close();
  }

  async #within<T>(asked: Promise<T>): Promise<T> {
    const { clock, answerMaxMs } = this.#options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const fail = (): void => reject(new NatsError("connection", `no answer within ${answerMaxMs} ms`));
    const timer = clock.setTimer(answerMaxMs, fail, { holdsProcess: "no" });
    try {
      return await Promise.race([asked, late]);
    } finally {
      timer.cancel();
    }
  }

  /** Asks as soon as there is a connection, as one of at most `requestsMax`. */
  async #inHandOnce<T>(asking: Asking<T>): Promise<T> {
    if (this.#closing !== undefined) throw new DisposedError("the NATS connection");
    const { requestsMax } = this.#options;
    if (this.#inHand >= requestsMax) throw new NatsError("busy", `${requestsMax} requests are in hand already`);
    if (asking.length > this.messageBytesMax) throw this.#tooLarge(asking.doing, asking.length);
    this.#inHand += 1;
    try {
      if (!this.isConnected) await this.#untilConnected(asking.doing);
      return await this.#unlessLost(asking);
    } finally {
      this.#inHand -= 1;
    }
  }

  async #unlessLost<T>({ doing, ask, effect = "writes" }: Asking<T>): Promise<T> {
    const { promise: lost, reject } = Promise.withResolvers<never>();
    using _watching = this.watch((state) => state === "lost" && reject(new Error("the connection was lost")));
    lost.catch(() => undefined);
    try {
      return await Promise.race([ask(), lost]);
    } catch (error) {
      const fault = errorOfClient(error, doing);
      // Nobody heard it, or the library did not send it: nothing was done.
      if (!(fault instanceof NatsError) || fault.reason !== "connection" || effect === "none") throw fault;
      throw new OutcomeUnknownError(doing, { cause: error });
    }
  }

  #headersOf(fields: Readonly<Record<string, string>> | undefined): { readonly headers?: WireHeaders } {
    if (fields === undefined) return {};
    const headers = this.#wire.makeHeaders();
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    return { headers };
  }

  #untilConnected(doing: string): Promise<void> {
    const { clock, connectMaxMs } = this.#options;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        timer.cancel();
        watching[Symbol.dispose]();
        settle();
      };
      const why = `${doing}: no connection within ${connectMaxMs} ms`;
      const fail = (): void => end(() => reject(new NatsError("connection", why, { cause: this.#lastFault })));
      const timer = clock.setTimer(connectMaxMs, fail);
      const closed = new DisposedError("the NATS connection");
      const watching = this.watch(() => end(() => (this.isConnected ? resolve() : reject(closed))));
    });
  }

  async #attend(): Promise<void> {
    for await (const { type, error } of this.#wire.connection.status()) {
      if (error !== undefined) this.#lastFault = error;
      if (type === "disconnect" || type === "staleConnection") this.#change("lost");
      if (type === "reconnect") {
        this.#pauses.reset();
        this.#change("connected");
      }
    }
    this.#change("closed");
  }

  #change(state: "connected" | "lost" | "closed"): void {
    if (state === this.#state || this.#state === "closed") return;
    this.#state = state;
    for (const changed of this.#watchers) changed(state === "connected" ? "connected" : "lost");
  }

  #tooLarge(subject: string, length: number): NatsError {
    const text = `${subject}: a message of ${length} bytes is above the server's limit of ${this.messageBytesMax}`;
    return new NatsError("too-large", `${text}; raise max_payload of the server`);
  }
}

function reasonText(fault: unknown): string {
  return fault instanceof Error ? fault.message : "the connection was lost";
}
