import type { Timer } from "../../clock/mod.ts";
import { ask, streamFacts } from "./jetstream.ts";
import { NatsError } from "./nats-error.ts";
import type { NatsConnection, NatsReply } from "./open.ts";

/** A message of a stream that is followed. */
export interface Delivered {
  readonly sequence: number;
  /** When the server stored it. */
  readonly timeMs: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: NatsReply["headers"];
}

/** What a follower is told. */
export interface Follower {
  /** Every message behind the start, once, in order. When it throws, the following ends with `failed`. */
  readonly message: (message: Delivered) => void;
  /** The stream could not be read, and that does not pass by itself (it is gone or was replaced, no rights to it or to hear it). Nothing comes any more. */
  readonly failed: (error: unknown) => void;
}

/** What to follow. */
export interface FollowOptions {
  readonly stream: string;
  /** Sequence to begin behind; 0: with the first message that is there. */
  readonly after: number;
  /** Counts messages whose `sequence` is not the one before plus 1 (the ones between were purged or never there). */
  readonly follower: Follower;
}

/** Following, until disposed. */
export interface Followed extends AsyncDisposable {
  /** Sequence of the last message that was handed out. */
  readonly sequence: number;
  /** Whether messages come now; not while the connection is lost. */
  readonly isFollowing: boolean;
}

const heartbeatMs = 2_000;
// Two heartbeats and a half: one may be late.
const silentMaxMs = 5_000;
const retryMs = 250;
// While a cluster chooses its leaders, for up to half a minute, nobody answers, and what was asked then is lost: it is asked again soon, every third
// time with the patience that a slow server needs.
const answersMs = [1_000, 2_000, 4_000] as const;
const nanosecondsInMs = 1_000_000;

/** Reads a stream in order from a place on, first what is there and then what comes, across lost connections and restarts of the server, without
 *  acknowledgements: what is missed is asked for again. Resolves once the server has agreed for the first time; rejects with NatsError. */
export async function follow(connection: NatsConnection, options: FollowOptions): Promise<Followed> {
  const following = new Following(connection, options);
  try {
    await following.begin();
  } catch (error) {
    await following[Symbol.asyncDispose]();
    throw error;
  }
  return following;
}

/** An ephemeral push consumer without acknowledgements, made anew behind the last message whenever anything is amiss. */
class Following implements Followed {
  readonly #connection: NatsConnection;
  readonly #options: FollowOptions;
  readonly #watching: Disposable;
  #sequence: number;
  /** Where it listens now. */
  #hearing: Disposable | undefined;
  #consumer: string | undefined;
  /** Deliveries of the present consumer. */
  #delivered = 0;
  #createdMs: number | undefined;
  #silence: Timer | undefined;
  #beginning: Promise<void> | undefined;
  #state: "open" | "failed" | "disposed" = "open";

  constructor(connection: NatsConnection, options: FollowOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#sequence = options.after;
    this.#watching = connection.watch((state) => state === "connected" && this.#beginAgain());
  }

  get sequence(): number {
    return this.#sequence;
  }

  get isFollowing(): boolean {
    return this.#state === "open" && this.#consumer !== undefined && this.#connection.isConnected;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "disposed") return;
    this.#state = "disposed";
    this.#watching[Symbol.dispose]();
    const consumer = this.#consumer;
    this.#leave();
    await this.#beginning?.catch(() => undefined);
    if (consumer !== undefined && this.#connection.isConnected) await this.#deleteConsumer(consumer);
  }

  begin(): Promise<void> {
    this.#beginning = this.#begin().finally(() => (this.#beginning = undefined));
    return this.#beginning;
  }

  /** Asks for a consumer of its own behind the last message. */
  async #begin(withinMs?: number): Promise<void> {
    this.#leave();
    await this.#refuseAnother(withinMs);
    // It may have been disposed meanwhile: what was begun now nobody would end.
    if (this.#state !== "open") return;
    const subject = this.#connection.inbox();
    const refusals: Error[] = [];
    const isHere = (): boolean => this.#hearing === hearing;
    const hearing = this.#connection.hear(subject, (message) => void (isHere() && this.#heard(message)), {
      // Not any more, or not at all: the consumer would talk to nobody.
      refused: (error) => void (this.#consumer !== undefined && isHere() ? this.#fail(error) : refusals.push(error)),
    });
    this.#hearing = hearing;
    this.#delivered = 0;
    this.#listen();
    const answer = await ask(this.#connection, `CONSUMER.CREATE.${this.#options.stream}`, {
      body: { stream_name: this.#options.stream, config: this.#config(subject) },
      effect: "none",
      withinMs,
    });
    const consumer = String(answer["name"]);
    // The server says what it refuses before it answers.
    const [refusal] = refusals;
    if (isHere() && refusal === undefined) return void (this.#consumer = consumer);
    await this.#deleteConsumer(consumer);
    if (refusal !== undefined) throw refusal;
  }

  /** A stream of the same name that was made since has other messages under the same numbers. */
  async #refuseAnother(withinMs: number | undefined): Promise<void> {
    const { stream } = this.#options;
    const { createdMs } = await streamFacts(this.#connection, stream, { withinMs });
    if (this.#createdMs !== undefined && createdMs !== this.#createdMs)
      throw new NatsError("missing", `stream "${stream}" was removed, and another one of its name was made`);
    this.#createdMs = createdMs;
  }

  #config(subject: string): object {
    return {
      deliver_subject: subject,
      deliver_policy: "by_start_sequence",
      opt_start_seq: this.#sequence + 1,
      ack_policy: "none",
      max_deliver: 1,
      flow_control: true,
      idle_heartbeat: heartbeatMs * nanosecondsInMs,
      inactive_threshold: 30_000 * nanosecondsInMs,
      mem_storage: true,
      num_replicas: 1,
    };
  }

  #heard(message: NatsReply): void {
    this.#listen();
    const { headers, reply } = message;
    if (headers !== undefined && headers.code === 100) return this.#control(message);
    const place = placeOf(reply);
    if (place === undefined || this.#state !== "open") return;
    if (place.delivered !== this.#delivered + 1) return this.#beginAgain();
    this.#delivered = place.delivered;
    this.#sequence = place.sequence;
    const { subject, data } = message;
    try {
      this.#options.follower.message({ sequence: place.sequence, timeMs: place.timeMs, subject, data, headers });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Heartbeats tell how much was delivered; flow control wants an answer. */
  #control({ headers, reply }: NatsReply): void {
    if (reply !== undefined && reply !== "") return this.#connection.tell(reply);
    const stalled = headers?.get("Nats-Consumer-Stalled") ?? "";
    if (stalled !== "") this.#connection.tell(stalled);
    const last = headers?.get("Nats-Last-Consumer") ?? "";
    if (last !== "" && Number(last) !== this.#delivered) this.#beginAgain();
  }

  #listen(): void {
    this.#silence?.cancel();
    if (this.#state !== "open") return;
    const { clock } = this.#connection;
    this.#silence = clock.setTimer(silentMaxMs, () => this.#beginAgain(), { holdsProcess: "no" });
  }

  #beginAgain(): void {
    if (this.#state !== "open" || this.#beginning !== undefined) return;
    const former = this.#consumer;
    this.#consumer = undefined;
    this.#beginning = this.#tryToBegin(former).finally(() => (this.#beginning = undefined));
  }

  async #tryToBegin(former: string | undefined): Promise<void> {
    const { clock } = this.#connection;
    if (former !== undefined) void this.#deleteConsumer(former);
    for (let attempt = 0; this.#state === "open"; attempt++) {
      try {
        return await this.#begin(answersMs[attempt % answersMs.length]);
      } catch (error) {
        if (!isPassing(error)) return this.#fail(error);
      }
      await clock.sleep(retryMs);
    }
  }

  #fail(error: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#leave();
    this.#options.follower.failed(error);
  }

  #leave(): void {
    this.#hearing?.[Symbol.dispose]();
    this.#hearing = undefined;
    this.#consumer = undefined;
    this.#silence?.cancel();
  }

  async #deleteConsumer(consumer: string): Promise<void> {
    const verb = `CONSUMER.DELETE.${this.#options.stream}.${consumer}`;
    // The server forgets it by itself when nobody hears it for 30 s.
    await ask(this.#connection, verb, { effect: "none" }).catch(() => undefined);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "retryable") === true;
}

interface Place {
  readonly sequence: number;
  readonly delivered: number;
  readonly timeMs: number;
}

/** Where a delivery lies in its stream and its consumer, from `$JS.ACK.stream.consumer.tries.sequence.delivered.time.pending`, or with domain and account
 *  before the stream. `undefined` for anything else. */
function placeOf(reply: string | undefined): Place | undefined {
  const words = reply?.split(".") ?? [];
  if (words[0] !== "$JS" || words[1] !== "ACK") return undefined;
  const from = words.length >= 11 ? 7 : 5;
  const [sequence, delivered, timeNs] = words.slice(from, from + 3);
  return {
    sequence: Number(sequence),
    delivered: Number(delivered),
    // Beyond what a number holds exactly: the last six digits are cut off as text.
    timeMs: Number(timeNs?.slice(0, -6)),
  };
}
