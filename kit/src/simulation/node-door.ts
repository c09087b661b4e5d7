import type { Timer } from "../clock/mod.ts";
import {
  addressOf,
  type Incoming,
  type Listener,
  LinkReplyError,
  type ListenParts,
  type OperationAddress,
  type RequestMessage,
  type RequestServer,
} from "../service/mod.ts";
import type { NodeHost } from "./node.ts";
import type { Answer, Cancellation, Question, WireRequest } from "./transport-messages.ts";

/** Requests whose answer is remembered, for a copy that arrives late. */
const rememberedMax = 10_000;
/** A reader who does not ask for the next item any longer is gone. */
const idleMs = 60_000;

/** A stream that somebody reads. */
interface OpenStream {
  readonly items: AsyncIterator<unknown>;
  readonly stop: AbortController;
  /** Answers by the number of the item, the last one only: a copy of the question gets the same. */
  last: { readonly item: number; readonly answer: Promise<Answer> };
  idle: Timer;
}

/** The door of one process: answers each request once, whatever the network repeats. */
export class NodeDoor implements Listener {
  readonly address: string;
  readonly #host: NodeHost;
  readonly #requests: RequestServer;
  readonly #graceMs: number;
  readonly #answers = new Map<string, Promise<Answer>>();
  readonly #running = new Map<string, AbortController>();
  readonly #streams = new Map<string, OpenStream>();
  readonly #addresses = new Map<string, OperationAddress>();
  #state: "open" | "closing" = "open";
  #idle: (() => void) | undefined;

  constructor(host: NodeHost, { requests, graceMs = 10_000 }: ListenParts) {
    this.address = host.name;
    this.#host = host;
    this.#requests = requests;
    this.#graceMs = graceMs;
    host.network.onRequest((question, from) => this.#answer(question as Question, from));
    host.network.onMessage((message, from) => this.#cancel(message as Cancellation, from));
  }

  get connections(): Listener["connections"] {
    const counts = new Map<string, number>();
    for (const id of this.#running.keys()) {
      const peer = id.split(" ")[0] ?? "";
      counts.set(peer, (counts.get(peer) ?? 0) + 1);
    }
    return Array.from(counts, ([peer, inFlight]) => ({ peer, inFlight }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closing";
    if (this.#running.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#idle = resolve;
      const timer = this.#host.clock.setTimer(this.#graceMs, resolve);
      await promise;
      timer.cancel();
    }
    for (const running of this.#running.values()) running.abort();
    for (const id of this.#streams.keys()) this.#end(id);
  }

  async #answer(question: Question, from: string): Promise<Answer> {
    if (this.#state === "closing" && question.op !== "ping") return { kind: "gone" };
    if (question.op === "hello") return { kind: "here", process: this.#host.epoch };
    if (question.process !== this.#host.epoch) return { kind: "gone" };
    if (question.op === "ping") return { kind: "here", process: this.#host.epoch };
    const id = `${from} ${question.id}`;
    if (question.op === "next") return await this.#next(id, question.item);
    const known = this.#answers.get(id);
    if (known !== undefined) return await known;
    const answer = question.op === "call" ? this.#call(id, question) : this.#open(id, question.request);
    this.#answers.set(id, answer);
    if (this.#answers.size > rememberedMax) this.#answers.delete(this.#answers.keys().next().value ?? "");
    return await answer;
  }

  async #call(id: string, { request, withinMs }: Extract<Question, { op: "call" }>): Promise<Answer> {
    const running = new AbortController();
    this.#running.set(id, running);
    try {
      const incoming: Incoming = { withinMs, signal: running.signal };
      return { kind: "reply", reply: await this.#requests.call(this.#message(request), incoming) };
    } finally {
      this.#running.delete(id);
      if (this.#running.size === 0) this.#idle?.();
    }
  }

  async #open(id: string, request: WireRequest): Promise<Answer> {
    const stop = new AbortController();
    const incoming: Incoming = { withinMs: Infinity, signal: stop.signal };
    const items = this.#requests.stream(this.#message(request), incoming)[Symbol.asyncIterator]();
    const first = answerOf(items);
    this.#streams.set(id, { items, stop, last: { item: -1, answer: first }, idle: this.#idleTimer(id) });
    return await first;
  }

  async #next(id: string, item: number): Promise<Answer> {
    const stream = this.#streams.get(id);
    if (stream === undefined) return { kind: "end" };
    if (item > stream.last.item) stream.last = { item, answer: answerOf(stream.items) };
    stream.idle.cancel();
    stream.idle = this.#idleTimer(id);
    return await stream.last.answer;
  }

  #idleTimer(id: string): Timer {
    return this.#host.clock.setTimer(idleMs, () => this.#end(id));
  }

  #end(id: string): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.idle.cancel();
    stream?.stop.abort();
  }

  #cancel({ op, id }: Cancellation, from: string): void {
    if (op !== "cancel") return;
    this.#running.get(`${from} ${id}`)?.abort();
    this.#end(`${from} ${id}`);
  }

  #message({ to: text, ...rest }: WireRequest): RequestMessage {
    const to = this.#addresses.get(text) ?? addressOf(text);
    this.#addresses.set(text, to);
    return { to, ...rest };
  }
}

async function answerOf(items: AsyncIterator<unknown>): Promise<Answer> {
  try {
    const { done, value } = await items.next();
    return done === true ? { kind: "end" } : { kind: "item", item: value };
  } catch (error) {
    if (error instanceof LinkReplyError) return { kind: "reply", reply: { ok: false, error: error.reply } };
    throw error;
  }
}
