import { gate } from "../abort/mod.ts";
import type { TextChannel } from "./channel.ts";
import { WireError, WireProtocolError, WireReplyError } from "./errors.ts";
import { countOf, nameOf, timeOf } from "./fields.ts";
import { type Frame, noBody, Peer, type PeerRole } from "./peer.ts";
import type { WireHandlers, WireIncoming } from "./requests.ts";
import type { WireRules } from "./settings.ts";

const methodsMax = 10_000;
const handlerFailed = "the handler failed";

/** The server's end of one connection. */
export class ServerPeer implements PeerRole {
  readonly #peer: Peer;
  readonly #rules: WireRules;
  readonly #handlers: WireHandlers;
  readonly #ended: (peer: ServerPeer, reason: string) => void;
  readonly #methods: string[] = [];
  readonly #running = new Map<number, Running>();
  /** Opens when there is room to write again. */
  #room = gate();
  #identity = "";
  #state: "open" | "leaving" | "closed" = "open";

  constructor(channel: TextChannel, rules: WireRules, parts: ServerParts) {
    this.#rules = rules;
    this.#handlers = parts.handlers;
    this.#ended = parts.ended;
    this.#peer = new Peer(channel, rules, this);
  }

  get identity(): string {
    return this.#identity;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /** Says goodbye; closes once everything that was begun is answered. */
  leave(): void {
    if (this.#state !== "open") return;
    this.#state = "leaving";
    this.#peer.send(["b"]);
    this.#leaveWhenIdle();
  }

  destroy(reason: string): void {
    this.#peer.close(reason);
  }

  greeted(identity: string): void {
    this.#identity = identity;
    if (this.#state === "leaving") this.#peer.send(["b"]);
  }

  frame(frame: Frame): void {
    switch (frame[0]) {
      case "m":
        return this.#name(countOf(frame[1]), nameOf(frame[2]));
      case "c":
        return this.#call(frame);
      case "s":
        return this.#stream(frame);
      case "g":
        return this.#running.get(countOf(frame[1]))?.grant(countOf(frame[2]));
      case "x":
        return this.#running.get(countOf(frame[1]))?.abort(new WireError("lost", "the caller no longer waits"));
      default:
        throw new WireProtocolError(`a frame of the unknown kind ${frame[0]}`);
    }
  }

  drained(): void {
    if (this.#peer.outbox.room === "full") return;
    this.#peer.resume();
    this.#room.open();
    this.#room = gate();
  }

  closed(reason: string): void {
    this.#state = "closed";
    for (const running of this.#running.values()) running.abort(new WireError("lost", reason));
    this.#room.open();
    this.#ended(this, reason);
  }

  #name(number: number, method: string): void {
    if (number !== this.#methods.length || number >= methodsMax)
      throw new WireProtocolError("methods are numbered one after the other, up to 10,000");
    this.#methods.push(method);
  }

  #call([, rawId, rawMethod, rawMs, sent, meta, mark]: Frame): void {
    const id = countOf(rawId);
    const body = mark === noBody ? undefined : sent;
    const running = this.#begin(id, { method: this.#methodOf(rawMethod), withinMs: timeOf(rawMs), body, meta });
    if (running === undefined) return;
    // What it throws before its first await is a refusal too.
    Promise.try(this.#handlers.call, running).then(
      (answer) => this.#answer(id, answer === undefined ? ["r", id] : ["r", id, answer]),
      (error: unknown) => this.#answer(id, ["e", id, this.#refusal(error)]),
    );
  }

  #stream([, rawId, rawMethod, credit, sent, meta, mark]: Frame): void {
    const id = countOf(rawId);
    const body = mark === noBody ? undefined : sent;
    const running = this.#begin(id, { method: this.#methodOf(rawMethod), withinMs: Infinity, body, meta });
    if (running === undefined) return;
    running.grant(countOf(credit));
    void this.#items(id, running);
  }

  async #items(id: number, running: Running): Promise<void> {
    const { stream } = this.#handlers;
    try {
      if (stream === undefined) throw new WireReplyError("no streams are served here");
      for await (const item of stream(running)) {
        if (running.isAborted || this.#running.get(id) !== running) break;
        if (!this.#fits(id, item === undefined ? ["i", id] : ["i", id, item])) return;
        await running.credit();
        // Credit says what the reader wants, not what he reads.
        while (this.#peer.outbox.room === "full" && !running.isAborted) await this.#room.promise;
        if (running.isAborted) break;
      }
      this.#answer(id, ["z", id]);
    } catch (error) {
      this.#answer(id, ["e", id, this.#refusal(error)]);
    }
  }

  #begin(id: number, facts: Omit<WireIncoming, "peer" | "signal">): Running | undefined {
    if (this.#running.has(id)) throw new WireProtocolError("an id that is in use");
    const refusal = this.#notNow();
    if (refusal !== undefined) {
      this.#peer.send(["n", id, refusal]);
      this.#pauseWhenFull();
      return undefined;
    }
    const running = new Running(facts, this.#identity);
    this.#running.set(id, running);
    return running;
  }

  #notNow(): string | undefined {
    if (this.#state !== "open") return "the server is closing";
    return this.#running.size < this.#rules.callsMax ? undefined : `${this.#rules.callsMax} calls are in hand`;
  }

  #answer(id: number, frame: Frame): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#running.delete(id);
    if (this.#state !== "closed") this.#fits(id, frame);
    if (this.#state === "leaving") this.#leaveWhenIdle();
  }

  /** Sends a frame that may be too large, or says so. While too much waits to be written, nothing more is read. */
  #fits(id: number, frame: Frame): boolean {
    const line = lineOf(frame);
    const isSent = line !== undefined && line.length <= this.#peer.frameMax;
    if (isSent) this.#peer.sendText(line);
    else {
      const reason =
        line === undefined ? "the answer is not JSON" : `the answer makes a frame of ${line.length} characters`;
      const told = lineOf(["e", id, this.#refusal(new WireError("lost", reason))]);
      this.#peer.sendText(told ?? `["e",${id},null]\n`);
      this.#running.delete(id);
      if (this.#state === "leaving") this.#leaveWhenIdle();
    }
    this.#pauseWhenFull();
    return isSent;
  }

  #pauseWhenFull(): void {
    if (this.#peer.outbox.room === "full") this.#peer.pause();
  }

  #refusal(error: unknown): unknown {
    const { refuse } = this.#handlers;
    if (refuse === undefined) return error instanceof WireReplyError ? error.reply : handlerFailed;
    try {
      return refuse(error) ?? null;
    } catch {
      return handlerFailed; // what cannot be said must not hold up the answer
    }
  }

  #methodOf(number: unknown): string {
    const method = this.#methods[countOf(number)];
    if (method === undefined) throw new WireProtocolError("a method that was not named");
    return method;
  }

  #leaveWhenIdle(): void {
    if (this.#running.size === 0) this.#peer.finish();
  }
}

/** Undefined for what JSON cannot say. */
function lineOf(frame: Frame): string | undefined {
  try {
    return `${JSON.stringify(frame)}\n`;
  } catch {
    return undefined;
  }
}

/** What a server's end works with. */
export interface ServerParts {
  readonly handlers: WireHandlers;
  readonly ended: (peer: ServerPeer, reason: string) => void;
}

/** A request in hand, and what its handler is given. */
class Running implements WireIncoming {
  readonly method: string;
  readonly body: unknown;
  readonly meta: unknown;
  readonly withinMs: number;
  readonly peer: string;
  #controller: AbortController | undefined;
  #reason: Error | undefined;
  #credit = 0;
  #wake: (() => void) | undefined;

  constructor({ method, body, meta, withinMs }: Omit<WireIncoming, "peer" | "signal">, peer: string) {
    this.method = method;
    this.body = body;
    this.meta = meta;
    this.withinMs = withinMs;
    this.peer = peer;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get isAborted(): boolean {
    return this.#reason !== undefined;
  }

  abort(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#wake?.();
  }

  grant(credit: number): void {
    this.#credit += credit;
    this.#wake?.();
  }

  /** Takes one; waits until there is another, or nobody waits for it. */
  async credit(): Promise<void> {
    this.#credit--;
    while (this.#credit <= 0 && !this.isAborted) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
