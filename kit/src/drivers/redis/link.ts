import { DisposedError } from "../../errors/mod.ts";
import { AnswerWatch } from "./answer-watch.ts";
import { asBytes } from "./client-system.ts";
import { connect, type Connected } from "./connector.ts";
import type { ResolvedRedis } from "./options.ts";
import { connectionError, errorOfReply, OutcomeUnknownError, RedisError } from "./redis-error.ts";
import type { RedisFacts } from "./server-facts.ts";
import type { RedisReply, RedisWord } from "./wire-client.ts";

/** How one command is sent and read. */
export interface SendOptions {
  /** "none": it changes nothing, so that when the answer is lost it may be sent again: RedisError `connection` in place of OutcomeUnknownError.
   *  Default "writes". */
  readonly effect?: "writes" | "none";
  /** How texts are answered. Default "texts" (UTF-8). */
  readonly replies?: "texts" | "bytes";
}

/** One connection that is made again whenever it is lost. */
export interface RedisLink extends AsyncDisposable {
  /** Sends a command once the link is connected. Commands of one turn go out in one write, and are answered in their order. */
  send(words: readonly RedisWord[], options?: SendOptions): Promise<RedisReply>;
}

/** A link, steady for as long as anybody sends. */
export class Link implements RedisLink {
  readonly #options: ResolvedRedis;
  readonly #closing = new AbortController();
  #connected: Connected | undefined;
  #connecting: Promise<Connected> | undefined;
  #watch: AnswerWatch | undefined;
  #inHand = 0;

  constructor(options: ResolvedRedis) {
    this.#options = options;
  }

  /** Commands that wait for a connection or for an answer. */
  get inHand(): number {
    return this.#inHand;
  }

  get facts(): RedisFacts | undefined {
    return this.#connected?.facts;
  }

  send(words: readonly RedisWord[], options?: SendOptions): Promise<RedisReply> {
    if (this.#closing.signal.aborted) return Promise.reject(new DisposedError("the Redis connection"));
    if (this.#inHand >= this.#options.commandsMax) return Promise.reject(this.#busy());
    this.#inHand += 1;
    return this.#connected === undefined
      ? this.#sendLater(words, options)
      : this.#sendOn(this.#connected, words, options);
  }

  /** The connection that is there, or a new one within `connectMaxMs`. */
  connect(): Promise<Connected> {
    if (this.#connected !== undefined) return Promise.resolve(this.#connected);
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  /** Cuts the connection: what was sent and not answered rejects, the next command connects anew. */
  drop(): void {
    const connected = this.#connected;
    this.#lost(connected);
    connected?.client.destroy();
  }

  /** Lets what was sent be answered, for at most half as long again as `answerMaxMs`. What waits for a connection is refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new DisposedError("the Redis connection"));
    const connected = this.#connected;
    // It says no when it was closed meanwhile.
    await connected?.client.close().catch(() => undefined);
    this.#watch?.stop();
  }

  async #connect(): Promise<Connected> {
    const { clock, connectMaxMs, answerMaxMs } = this.#options;
    const untilMs = clock.monotonic() + connectMaxMs;
    const { signal } = this.#closing;
    const connected = await connect(this.#options, { untilMs, signal });
    if (signal.aborted) {
      connected.client.destroy();
      throw signal.reason;
    }
    this.#connected = connected;
    this.#watch = new AnswerWatch({ clock, answerMaxMs, onOverdue: () => this.drop() });
    const lost = (): void => this.#lost(connected);
    connected.client.on("error", lost);
    connected.client.on("end", lost);
    return connected;
  }

  #lost(connected: Connected | undefined): void {
    if (connected === undefined || this.#connected !== connected) return;
    this.#connected = undefined;
    this.#watch?.stop();
    this.#watch = undefined;
  }

  async #sendLater(words: readonly RedisWord[], options: SendOptions | undefined): Promise<RedisReply> {
    let connected: Connected;
    try {
      connected = await this.connect();
    } catch (error) {
      this.#inHand -= 1;
      throw error;
    }
    return this.#sendOn(connected, words, options);
  }

  #sendOn(connected: Connected, words: readonly RedisWord[], options: SendOptions | undefined): Promise<RedisReply> {
    const watch = this.#watch;
    watch?.sent();
    const reading = options?.replies === "bytes" ? asBytes : undefined;
    return connected.client.sendCommand(words, reading).then(
      (reply) => {
        this.#inHand -= 1;
        watch?.answered();
        return reply;
      },
      (error: unknown) => {
        this.#inHand -= 1;
        watch?.answered();
        throw this.#fault(error, connected, { doing: String(words[0]), effect: options?.effect ?? "writes" });
      },
    );
  }

  #fault(
    error: unknown,
    connected: Connected,
    { doing, effect }: { readonly doing: string; readonly effect: "writes" | "none" },
  ): Error {
    if (connected.isReply(error)) {
      const refused = errorOfReply(error, doing);
      if (refused.reply === "READONLY" && this.#connected === connected) this.drop();
      return refused;
    }
    // The library says so of commands that it never had, or could not write down.
    if (error instanceof TypeError) return new RedisError("other", `${doing}: ${error.message}`, { cause: error });
    if (this.#connected !== connected && effect === "writes") return new OutcomeUnknownError(doing, { cause: error });
    return connectionError(error, doing);
  }

  #busy(): RedisError {
    return new RedisError("busy", `${this.#options.commandsMax} commands are in hand already`);
  }
}
