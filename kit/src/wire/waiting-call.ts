import type { Expiring } from "../abort/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { WireProtocolError } from "./errors.ts";
import type { WireRequest } from "./requests.ts";

/** Whoever waits for what the server sends under one id. */
export interface Waiting {
  answered(answer: unknown): void;
  item(item: unknown): void;
  /** The stream is over. */
  over(): void;
  failed(error: Error): void;
}

/** A call on its way: ends once, at its answer, its deadline, its signal, or the end of the connection. */
export class WaitingCall implements Waiting, Expiring {
  readonly deadlineAtMs: number;
  /** The server is told that nobody waits. */
  onGivenUp: () => void = nothing;
  /** The call is over, whichever way. */
  onLeft: () => void = nothing;
  readonly #facts: CallFacts;
  #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#giveUp(this.#signal?.reason as Error);

  constructor(facts: CallFacts) {
    this.#facts = facts;
    this.deadlineAtMs = facts.atMs + facts.withinMs;
  }

  heed(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  answered(answer: unknown): void {
    this.#leave();
    this.#facts.resolve(answer);
  }

  failed(error: Error): void {
    this.#leave();
    this.#facts.reject(error);
  }

  expire(): void {
    this.#giveUp(new TimeoutError(this.#facts.request.method, this.#facts.withinMs));
  }

  item(): void {
    unexpected();
  }

  over(): void {
    unexpected();
  }

  #giveUp(reason: Error): void {
    this.onGivenUp();
    this.failed(reason);
  }

  #leave(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.onLeft();
  }
}

/** What a call that waits was made with. */
export interface CallFacts {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly request: WireRequest;
  readonly withinMs: number;
  readonly atMs: number;
}

/** An answer that does not belong to what was asked. */
export function unexpected(): never {
  throw new WireProtocolError("an answer of the wrong kind");
}

function nothing(): void {
  // Nobody listens yet.
}
