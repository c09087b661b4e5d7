import { ConfigError } from "../../errors/mod.ts";
import { withoutJetStream } from "./connector.ts";
import { type ApiError, errorOfAnswer, NatsError } from "./nats-error.ts";
import type { NatsConnection, RequestOptions } from "./open.ts";

/** A stream as this kit makes it: kept in files, without acknowledgement by consumers, refusing what is new when it is full. */
export interface StreamSettings {
  readonly name: string;
  readonly subjects: readonly string[];
  /** Copies on servers of a cluster, 1 to 5. */
  readonly replicas: number;
  /** Largest size of the stream. */
  readonly bytesMax: number;
  /** What happens at `bytesMax` and `messagesMax`: `refuse` what is new, or forget what is `oldest`. */
  readonly whenFull: "refuse" | "oldest";
  readonly messagesMax?: number | undefined;
  readonly ageMaxMs?: number | undefined;
  /** How long the server knows the ids of messages. */
  readonly idsForMs: number;
}

/** What a stream holds. */
export interface StreamFacts {
  readonly messages: number;
  readonly bytes: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly replicas: number;
  readonly bytesMax: number;
  readonly storage: string;
  readonly subjects: readonly string[];
  /** When it was made, by the server's clock: another one after it was removed and made again. */
  readonly createdMs: number;
}

/** What to publish. */
export interface Publication {
  readonly subject: string;
  readonly data: string | Uint8Array;
  /** Makes a repeat within the stream's window harmless. */
  readonly id?: string | undefined;
  /** Passes only while the last message of the subject has this sequence; 0: there is none. */
  readonly lastOfSubject?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** "writes": a lost answer is OutcomeUnknownError also with an id. Default: by whether there is an id. */
  readonly effect?: "writes" | undefined;
  /** Longest wait for the answer, in place of `answerMaxMs` where that is longer. */
  readonly withinMs?: number | undefined;
}

/** Where a message was stored. `repeated`: its id was known, and nothing was stored again. */
export interface Published {
  readonly sequence: number;
  readonly repeated: boolean;
}

/** A message as it lies in a stream. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly timeMs: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** Asks the JetStream API. Throws NatsError; a server without JetStream is named as such. */
export async function ask(
  connection: NatsConnection,
  verb: string,
  question: {
    readonly body?: Fields | undefined;
    readonly effect: "writes" | "none";
    readonly withinMs?: number | undefined;
  },
): Promise<Fields> {
  const { body, effect, withinMs } = question;
  const text = body === undefined ? "" : JSON.stringify(body);
  try {
    const reply = await connection.request(`${connection.apiPrefix}.${verb}`, text, { effect, withinMs });
    return answerOf(reply.data, verb);
  } catch (error) {
    if (error instanceof NatsError && error.reason === "unavailable" && error.number === 0)
      throw withoutJetStream(error);
    throw error;
  }
}

/** Makes the stream, or takes the one that is there when its subjects are the same. Throws ConfigError when they are not. */
export async function createStream(connection: NatsConnection, settings: StreamSettings): Promise<StreamFacts> {
  try {
    // Nothing is made twice: a stream of the same settings is answered as it is.
    const answer = await ask(connection, `STREAM.CREATE.${settings.name}`, { body: bodyOf(settings), effect: "none" });
    return factsOf(answer);
  } catch (error) {
    if (!(error instanceof NatsError) || !taken.has(error.number)) throw error;
    const facts = await ask(connection, `STREAM.INFO.${settings.name}`, { effect: "none" }).then(factsOf, passMissing);
    // The subjects belong to a stream of another name.
    if (facts === undefined) throw error;
    const isSame = JSON.stringify(facts.subjects) === JSON.stringify(settings.subjects) && facts.storage === "file";
    if (isSame) return facts;
    throw new ConfigError(
      "stream",
      settings.name,
      `a name that nothing else uses: there is a stream of ${facts.storage} with the subjects ${facts.subjects.join(", ")}`,
    );
  }
}

/** Name in use with other settings; subjects that overlap, also while another process makes the same stream. */
const taken: ReadonlySet<number> = new Set([10_058, 10_065]);

function bodyOf(settings: StreamSettings): Fields {
  const { name, subjects, replicas, bytesMax, whenFull, messagesMax, ageMaxMs, idsForMs } = settings;
  return {
    name,
    subjects,
    retention: "limits",
    storage: "file",
    discard: whenFull === "refuse" ? "new" : "old",
    num_replicas: replicas,
    max_bytes: bytesMax,
    max_msgs: messagesMax ?? -1,
    max_age: (ageMaxMs ?? 0) * nanosecondsInMs,
    duplicate_window: idsForMs * nanosecondsInMs,
    allow_rollup_hdrs: false,
    deny_delete: false,
    deny_purge: false,
  };
}

const nanosecondsInMs = 1_000_000;

/** Asks the leader of the stream, so that `lastSequence` is at least that of every message acknowledged before. */
export async function streamFacts(
  connection: NatsConnection,
  name: string,
  options?: Pick<RequestOptions, "withinMs">,
): Promise<StreamFacts> {
  return factsOf(await ask(connection, `STREAM.INFO.${name}`, { ...options, effect: "none" }));
}

/** Removes the stream with all it holds; nothing happens when there is none. */
export async function deleteStream(connection: NatsConnection, name: string): Promise<void> {
  await ask(connection, `STREAM.DELETE.${name}`, { effect: "none" }).catch(passMissing);
}

/** Removes what lies before a sequence, or all of a subject. */
export async function purge(
  connection: NatsConnection,
  name: string,
  what: { readonly before: number } | { readonly subject: string },
): Promise<void> {
  // Servers take both for "everything".
  if ("before" in what && what.before <= 1) return;
  const body = "before" in what ? { seq: what.before } : { filter: what.subject };
  await ask(connection, `STREAM.PURGE.${name}`, { body, effect: "none" });
}

/** The last message of a subject; `undefined` when there is none. */
export function lastMessage(
  connection: NatsConnection,
  name: string,
  subject: string,
): Promise<StoredMessage | undefined> {
  return stored(connection, name, { last_by_subj: subject });
}

/** The message with a sequence; `undefined` when it is not there (any more). */
export function messageAt(
  connection: NatsConnection,
  name: string,
  sequence: number,
): Promise<StoredMessage | undefined> {
  return stored(connection, name, { seq: sequence });
}

async function stored(connection: NatsConnection, name: string, body: Fields): Promise<StoredMessage | undefined> {
  const answer = await ask(connection, `STREAM.MSG.GET.${name}`, { body, effect: "none" }).catch(passMissing);
  if (answer === undefined) return undefined;
  const message = answer["message"] as Fields;
  const data = message["data"];
  return {
    subject: String(message["subject"]),
    sequence: Number(message["seq"]),
    data: typeof data === "string" ? Buffer.from(data, "base64") : new Uint8Array(0),
    timeMs: Date.parse(String(message["time"])),
  };
}

function passMissing(error: unknown): undefined {
  if (error instanceof NatsError && error.reason === "missing") return undefined;
  throw error;
}

/** Publishes into a stream; resolves when it is stored there. With an id a lost answer is NatsError, retryable: a repeat is harmless. */
export async function publish(connection: NatsConnection, publication: Publication): Promise<Published> {
  const { subject, data, id, lastOfSubject, headers, effect, withinMs } = publication;
  const reply = await connection.request(subject, data, {
    effect: effect ?? (id === undefined ? "writes" : "none"),
    withinMs,
    headers: {
      ...headers,
      ...(id === undefined ? {} : { "Nats-Msg-Id": id }),
      ...(lastOfSubject === undefined ? {} : { "Nats-Expected-Last-Subject-Sequence": String(lastOfSubject) }),
    },
  });
  const answer = answerOf(reply.data, `publish to ${subject}`);
  return { sequence: Number(answer["seq"]), repeated: answer["duplicate"] === true };
}

const decoder = new TextDecoder();

function answerOf(data: Uint8Array, doing: string): Fields {
  const answer = JSON.parse(decoder.decode(data)) as Fields;
  const error = answer["error"] as ApiError | undefined;
  if (error !== undefined) throw errorOfAnswer(error, doing);
  return answer;
}

function factsOf(answer: Fields): StreamFacts {
  const state = answer["state"] as Fields;
  const config = answer["config"] as Fields;
  return {
    messages: Number(state["messages"]),
    bytes: Number(state["bytes"]),
    firstSequence: Number(state["first_seq"]),
    lastSequence: Number(state["last_seq"]),
    replicas: Number(config["num_replicas"]),
    bytesMax: Number(config["max_bytes"]),
    storage: String(config["storage"]),
    subjects: (config["subjects"] ?? []) as readonly string[],
    createdMs: Date.parse(String(answer["created"])),
  };
}
