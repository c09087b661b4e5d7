import { abortable, gate, type Gate } from "../abort/mod.ts";
import type { Timer } from "../clock/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import {
  type Link,
  LinkError,
  LinkReplyError,
  type LinkSettings,
  type ReplyMessage,
  type RequestMessage,
} from "../service/mod.ts";
import type { NodeHost } from "./node.ts";
import { type Answer, type Cancellation, type Question, travelling } from "./transport-messages.ts";

/** How long the other side has to say that it is there. */
const answersWithinMs = 1_000;
const pingEveryMs = 1_000;
/** A stream's next item may be long in coming; the reader asks again. */
const itemWithinMs = 30_000;

/** Where a connection stands: which process it leads to, and who waits for the news that it broke. */
interface Connection {
  readonly process: number;
  readonly broken: Gate<never>;
  inFlight: number;
  pings: Timer | undefined;
}

/** The way to one node: a connection to its present process, kept until that process does not answer. */
export class WorldLink implements Link {
  readonly #host: NodeHost;
  readonly #to: string;
  #connecting: Promise<Connection> | undefined;
  #requests = 0;

  constructor(host: NodeHost, to: string) {
    this.#host = host;
    this.#to = to;
  }

  async call(message: RequestMessage, { signal, withinMs }: LinkSettings): Promise<ReplyMessage> {
    signal?.throwIfAborted();
    const deadlineMs = this.#host.clock.monotonic() + withinMs;
    const connection = await abortable(this.#connect(withinMs), signal);
    const leftMs = deadlineMs - this.#host.clock.monotonic();
    if (leftMs <= 0) throw new TimeoutError(message.to.text, withinMs);
    const id = this.#nextId();
    const request = travelling(message);
    try {
      const question = { op: "call", process: connection.process, id, withinMs: leftMs, request } as const;
      const answer = await abortable(this.#ask(connection, question, leftMs), signal);
      if (answer.kind === "reply") return answer.reply;
      this.#drop(connection, "the process was replaced");
      throw new LinkError("not sent", `${this.#to} has another process now`);
    } catch (error) {
      const cancellation: Cancellation = { op: "cancel", id };
      if (!(error instanceof LinkError)) this.#host.network.send(this.#to, cancellation);
      throw error;
    }
  }

  async *stream(message: RequestMessage, { signal }: Pick<LinkSettings, "signal">): AsyncGenerator {
    signal?.throwIfAborted();
    const connection = await abortable(this.#connect(answersWithinMs), signal);
    const { process } = connection;
    const id = this.#nextId();
    try {
      let question: Question = { op: "open", process, id, request: travelling(message) };
      for (let item = 0; ; item++) {
        const answer: Answer = await abortable(this.#ask(connection, question, itemWithinMs), signal);
        if (answer.kind === "end") return;
        if (answer.kind === "reply" && !answer.reply.ok) throw new LinkReplyError(answer.reply.error);
        if (answer.kind === "gone") throw new LinkError("lost", `${this.#to} has another process now`);
        if (answer.kind === "item") yield answer.item;
        question = { op: "next", process, id, item };
      }
    } catch (error) {
      if (error instanceof TimeoutError) throw new LinkError("lost", `${this.#to} does not answer`, error);
      throw error;
    } finally {
      const cancellation: Cancellation = { op: "cancel", id };
      this.#host.network.send(this.#to, cancellation);
    }
  }

  close(): void {
    void this.#connecting?.then(
      (connection) => this.#drop(connection, "this side closed"),
      () => undefined,
    );
  }

  #connect(withinMs: number): Promise<Connection> {
    this.#connecting ??= this.#open(Math.min(withinMs, answersWithinMs)).catch((error: unknown) => {
      this.#connecting = undefined;
      throw new LinkError("not sent", `${this.#to} does not answer`, error);
    });
    return this.#connecting;
  }

  async #open(withinMs: number): Promise<Connection> {
    const question: Question = { op: "hello" };
    const answer = (await this.#host.network.request(this.#to, question, { withinMs })) as Answer;
    if (answer.kind !== "here") throw new LinkError("not sent", `${this.#to} is not ready`);
    const broken = gate<never>();
    broken.promise.catch(() => undefined);
    return { process: answer.process, broken, inFlight: 0, pings: undefined };
  }

  async #ask(connection: Connection, question: Question, withinMs: number): Promise<Answer> {
    const answer = this.#host.network.request(this.#to, question, { withinMs });
    if (connection.inFlight++ === 0) this.#ping(connection);
    try {
      return (await Promise.race([answer, connection.broken.promise])) as Answer;
    } finally {
      answer.catch(() => undefined);
      if (--connection.inFlight === 0) connection.pings?.cancel();
    }
  }

  /** While somebody waits, the other side is asked whether it lives: else a cut would hold him until his deadline. */
  #ping(connection: Connection): void {
    const { process } = connection;
    connection.pings = this.#host.clock.setTimer(pingEveryMs, () => {
      const question: Question = { op: "ping", process };
      this.#host.network.request(this.#to, question, { withinMs: answersWithinMs }).then(
        (answer) => {
          if ((answer as Answer).kind === "gone") this.#drop(connection, "the process was replaced");
          else if (connection.inFlight > 0) this.#ping(connection);
        },
        () => this.#drop(connection, "it does not answer"),
      );
    });
  }

  #drop(connection: Connection, why: string): void {
    connection.pings?.cancel();
    this.#connecting = undefined;
    connection.broken.fail(new LinkError("lost", `${this.#to}: ${why}`));
  }

  #nextId(): string {
    return `${this.#host.epoch}.${++this.#requests}`;
  }
}
