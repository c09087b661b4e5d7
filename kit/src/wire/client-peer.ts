import { Deadlines } from "../abort/mod.ts";
import type { TextChannel } from "./channel.ts";
import { WireError, WireProtocolError, WireReplyError } from "./errors.ts";
import { countOf } from "./fields.ts";
import { type Frame, noBody, Peer, type PeerRole } from "./peer.ts";
import type { WireCallOptions, WireRequest } from "./requests.ts";
import type { WireRules } from "./settings.ts";
import { StreamInbox } from "./stream-inbox.ts";
import { unexpected, type Waiting, WaitingCall } from "./waiting-call.ts";

/** The caller's end of one connection. */
export class ClientPeer implements PeerRole {
  readonly #peer: Peer;
  readonly #rules: WireRules;
  readonly #told: ClientPeerListener;
  readonly #waiting = new Map<number, Waiting>();
  readonly #methods = new Map<string, number>();
  readonly #deadlines: Deadlines;
  #lastId = 0;
  #state: "greeting" | "open" | "leaving" | "closed" = "greeting";

  constructor(channel: TextChannel, rules: WireRules, told: ClientPeerListener) {
    this.#rules = rules;
    this.#told = told;
    this.#deadlines = new Deadlines(rules.clock);
    this.#peer = new Peer(channel, rules, this);
  }

  get inFlight(): number {
    return this.#waiting.size;
  }

  /** Sends a call. Rejects at once with `not sent` when there is no room. */
  call(request: WireRequest, { withinMs, signal }: WireCallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // It may be aborted in the turn in which the connection was made.
      if (signal?.aborted === true) return reject(signal.reason as Error);
      const refusal = this.#refusal(request);
      if (refusal !== undefined) return reject(refusal);
      const id = ++this.#lastId;
      const call = new WaitingCall({ resolve, reject, request, withinMs, atMs: this.#rules.clock.monotonic() });
      call.onGivenUp = () => this.#cancel(id);
      this.#deadlines.add(call);
      call.onLeft = () => {
        this.#deadlines.remove(call);
        this.#left(id);
      };
      if (signal !== undefined) call.heed(signal);
      this.#waiting.set(id, call);
      const { body, meta } = request;
      const method = this.#method(request.method);
      // JSON has no word for "without end" either.
      const limitMs = Math.min(withinMs, Number.MAX_SAFE_INTEGER);
      if (body === undefined) this.#begin(["c", id, method, limitMs, null, meta, noBody], id);
      else this.#begin(["c", id, method, limitMs, body, meta], id);
    });
  }

  /** Begins a stream. Throws `not sent` when there is no room. */
  stream(request: WireRequest, signal: AbortSignal | undefined): StreamInbox {
    signal?.throwIfAborted();
    const refusal = this.#refusal(request);
    if (refusal !== undefined) throw refusal;
    const id = ++this.#lastId;
    const inbox = new StreamInbox({
      more: (credit) => this.#peer.send(["g", id, credit]),
      left: (state) => {
        signal?.removeEventListener("abort", onAbort);
        if (state === "given up") this.#cancel(id);
        this.#left(id);
      },
    });
    const onAbort = (): void => inbox.giveUp(signal?.reason as Error);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiting.set(id, {
      answered: unexpected,
      failed: (error) => inbox.failed(error),
      item: (item) => inbox.push(item),
      over: () => inbox.over(),
    });
    const { body, meta } = request;
    const method = this.#method(request.method);
    if (body === undefined) this.#begin(["s", id, method, inbox.window, null, meta, noBody], id);
    else this.#begin(["s", id, method, inbox.window, body, meta], id);
    return inbox;
  }

  /** Closes once nothing waits any more. */
  leave(): void {
    if (this.#state === "closed") return;
    this.#state = "leaving";
    this.#leaveWhenIdle();
  }

  destroy(reason: string): void {
    this.#peer.close(reason);
  }

  greeted(identity: string): void {
    this.#state = "open";
    this.#told.opened(identity);
  }

  frame([kind, rawId, value]: Frame): void {
    if (kind === "b") return this.#goodbye();
    const id = countOf(rawId);
    const waiting = this.#waiting.get(id);
    // An answer may cross the cancellation of its call.
    if (waiting === undefined) return;
    if (kind === "r") waiting.answered(value);
    else if (kind === "e") waiting.failed(new WireReplyError(value));
    else if (kind === "n") waiting.failed(new WireError("not sent", String(value)));
    else if (kind === "i") waiting.item(value);
    else if (kind === "z") waiting.over();
    else throw new WireProtocolError(`a frame of the unknown kind ${kind}`);
  }

  drained(): void {
    // Callers do not wait for room: they are refused, and know best when to come back.
  }

  closed(reason: string): void {
    const wasOpen = this.#state !== "greeting";
    this.#state = "closed";
    this.#told.closed(reason, wasOpen ? "was open" : "never opened");
    for (const waiting of this.#waiting.values()) waiting.failed(new WireError("lost", reason));
    this.#deadlines[Symbol.dispose]();
  }

  #refusal({ method }: WireRequest): WireError | undefined {
    if (this.#state !== "open") return new WireError("not sent", `the connection is ${this.#state}`);
    if (this.#waiting.size >= this.#rules.callsMax)
      return new WireError("not sent", `${this.#rules.callsMax} calls are in flight`);
    if (this.#peer.outbox.room === "full") return new WireError("not sent", "too much text waits to be written");
    if (method.length > 1_024) return new WireError("not sent", "a method's name of more than 1,024 characters");
    return undefined;
  }

  #begin(frame: Frame, id: number): void {
    let line: string;
    try {
      line = `${JSON.stringify(frame)}\n`;
    } catch (error) {
      return this.#waiting.get(id)?.failed(new WireError("not sent", "the body is not JSON", error));
    }
    const { frameMax } = this.#peer;
    if (line.length <= frameMax) return this.#peer.sendText(line);
    const reason = `the body makes a frame of ${line.length} characters; at most ${frameMax} are taken`;
    this.#waiting.get(id)?.failed(new WireError("not sent", reason));
  }

  #method(method: string): number {
    const known = this.#methods.get(method);
    if (known !== undefined) return known;
    const number = this.#methods.size;
    this.#methods.set(method, number);
    this.#peer.send(["m", number, method]);
    return number;
  }

  #cancel(id: number): void {
    if (this.#state !== "closed") this.#peer.send(["x", id]);
  }

  #left(id: number): void {
    this.#waiting.delete(id);
    if (this.#state === "leaving") this.#leaveWhenIdle();
  }

  #goodbye(): void {
    this.#state = "leaving";
    this.#told.leaving();
    this.#leaveWhenIdle();
  }

  #leaveWhenIdle(): void {
    if (this.#waiting.size === 0) this.#peer.finish();
  }
}

/** Told of the connection's life. */
export interface ClientPeerListener {
  opened(identity: string): void;
  /** The server begins nothing more here. */
  leaving(): void;
  closed(reason: string, was: "was open" | "never opened"): void;
}
