import type { Clock, Timer } from "../clock/mod.ts";
import { gate, type Gate } from "../abort/mod.ts";
import { KitError, TimeoutError } from "../errors/mod.ts";
import type { Arrival, Network } from "./network.ts";

/** Messages of one process. Values are sent as JSON: nothing is shared between nodes. */
export interface NodeNetwork {
  /** Sends and forgets: the message may be lost, doubled or overtaken. */
  send(to: string, message: unknown): void;
  /** Takes messages. Without it they are lost. */
  onMessage(handler: (message: unknown, from: string) => void): void;
  /**
   * Asks and waits for the answer. Rejects with TimeoutError after `withinMs` (whether it was done is unknown then), or with
   * {@link NodeRefusal} when the other side's handler failed. Never repeats by itself; the network may.
   */
  request(to: string, message: unknown, options: { readonly withinMs: number }): Promise<unknown>;
  /** Answers requests, also those that arrive twice. Without it they are lost. */
  onRequest(handler: (message: unknown, from: string) => Promise<unknown>): void;
}

/** The other side answered that it failed. */
export class NodeRefusal extends KitError {
  readonly code = "NODE_REFUSAL";
  readonly retryable = false;
}

type Envelope =
  | readonly ["message", unknown]
  | readonly ["request", string, unknown]
  | readonly ["answer", string, unknown]
  | readonly ["refusal", string, string];

/** The network as one process of a node sees it. */
export class ProcessNetwork implements NodeNetwork {
  readonly #network: Network;
  readonly #node: string;
  readonly #epoch: number;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, { readonly answer: Gate<unknown>; readonly timer: Timer }>();
  #takeMessage: ((message: unknown, from: string) => void) | undefined;
  #takeRequest: ((message: unknown, from: string) => Promise<unknown>) | undefined;
  #requests = 0;
  #isDead = false;

  constructor(network: Network, of: { readonly node: string; readonly epoch: number; readonly clock: Clock }) {
    this.#network = network;
    this.#node = of.node;
    this.#epoch = of.epoch;
    this.#clock = of.clock;
    network.setInlet(of.node, (arrival) => this.#arrived(arrival));
  }

  send(to: string, message: unknown): void {
    this.#post(to, ["message", message]);
  }

  onMessage(handler: (message: unknown, from: string) => void): void {
    this.#takeMessage = handler;
  }

  request(to: string, message: unknown, { withinMs }: { readonly withinMs: number }): Promise<unknown> {
    // An answer to an earlier process of this node finds nobody who waits under its number.
    const id = `${this.#epoch}.${++this.#requests}`;
    const answer = gate<unknown>();
    const timer = this.#clock.setTimer(withinMs, () => {
      this.#waiting.delete(id);
      answer.fail(new TimeoutError(`a request of ${this.#node} to ${to}`, withinMs));
    });
    this.#waiting.set(id, { answer, timer });
    this.#post(to, ["request", id, message]);
    return answer.promise;
  }

  onRequest(handler: (message: unknown, from: string) => Promise<unknown>): void {
    this.#takeRequest = handler;
  }

  die(): void {
    this.#isDead = true;
    this.#network.setInlet(this.#node, undefined);
  }

  #post(to: string, envelope: Envelope): void {
    if (!this.#isDead) this.#network.send(this.#node, to, JSON.stringify(envelope));
  }

  #arrived({ from, text }: Arrival): void {
    const envelope = JSON.parse(text) as Envelope;
    switch (envelope[0]) {
      case "message":
        this.#takeMessage?.(envelope[1], from);
        return;
      case "request":
        void this.#answer(from, envelope[1], envelope[2]);
        return;
      case "answer":
        this.#answered(envelope[1])?.open(envelope[2]);
        return;
      case "refusal":
        this.#answered(envelope[1])?.fail(new NodeRefusal(envelope[2]));
    }
  }

  async #answer(from: string, id: string, message: unknown): Promise<void> {
    if (this.#takeRequest === undefined) return;
    try {
      this.#post(from, ["answer", id, await this.#takeRequest(message, from)]);
    } catch (error) {
      this.#post(from, ["refusal", id, error instanceof Error ? error.message : String(error)]);
    }
  }

  #answered(id: string): Gate<unknown> | undefined {
    const found = this.#waiting.get(id);
    this.#waiting.delete(id);
    found?.timer.cancel();
    return found?.answer;
  }
}
