import { type Random, systemRandom } from "../random/mod.ts";
import { abortable, gate, type Gate, linkSignals, signalAfter } from "../abort/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { telemetryChannel } from "../telemetry/mod.ts";
import type { TextChannel } from "./channel.ts";
import { ClientPeer } from "./client-peer.ts";
import { WireError } from "./errors.ts";
import type { WireCallOptions, WireRequest, WireStreamOptions } from "./requests.ts";
import { type WireRules, type WireSettings, wireRules } from "./settings.ts";
import { connectChannel } from "./socket-system.ts";

/** Options of {@link wireClient}. */
export interface WireClientOptions extends WireSettings {
  /** Name of this process, told to the server. */
  readonly identity: string;
  /** `host:port`, or the path of a socket file. */
  readonly address: string;
  /** Jitter of the pauses between attempts to connect. Default: the system's. */
  readonly random?: Random | undefined;
  /** How a connection is made. Default: TCP. */
  readonly connect?: ((address: string) => TextChannel) | undefined;
}

/** What a client is doing. */
export type WireClientState = "idle" | "connecting" | "open" | "pausing" | "closed";

export type { WireClient };

/** One connection to one address, made when it is first needed and again after it was lost. */
export function wireClient(options: WireClientOptions): WireClient {
  return new WireClient(options);
}

const firstPauseMs = 50;
const pauseMaxMs = 2_000;
const closedConnection = telemetryChannel("ashlar.wire.closed");

/** The caller's end of the connections to one address, one after another. Made by {@link wireClient}. */
class WireClient implements AsyncDisposable {
  readonly address: string;
  readonly #rules: WireRules;
  readonly #random: Random;
  readonly #connect: (address: string) => TextChannel;
  /** Connections that still have something to wait for, the newest last. */
  readonly #leaving = new Set<ClientPeer>();
  #peer: ClientPeer | undefined;
  #opening: Gate<ClientPeer> | undefined;
  #state: WireClientState = "idle";
  #failures = 0;
  #pauseUntilMs = 0;
  #lastFault = "";
  #server = "";

  constructor(options: WireClientOptions) {
    this.#rules = wireRules(options);
    this.address = options.address;
    this.#random = options.random ?? systemRandom;
    this.#connect = options.connect ?? connectChannel;
  }

  get state(): WireClientState {
    return this.#state === "pausing" && this.#rules.clock.monotonic() >= this.#pauseUntilMs ? "idle" : this.#state;
  }

  /** Name of the process at the other end, once known. */
  get server(): string {
    return this.#server;
  }

  get inFlight(): number {
    let count = this.#peer?.inFlight ?? 0;
    for (const peer of this.#leaving) count += peer.inFlight;
    return count;
  }

  /** Calls. Rejects with {@link WireError}, {@link WireReplyError}, TimeoutError, or the signal's reason. */
  async call(request: WireRequest, options: WireCallOptions): Promise<unknown> {
    options.signal?.throwIfAborted();
    if (!(options.withinMs > 0)) throw new TimeoutError(request.method, options.withinMs);
    if (this.#state === "open" && this.#peer !== undefined) return await this.#peer.call(request, options);
    const { clock } = this.#rules;
    const startedAtMs = clock.monotonic();
    const tooLate = (): TimeoutError => new TimeoutError(request.method, options.withinMs);
    const peer = await this.#openedInTime(options, tooLate);
    const withinMs = options.withinMs - (clock.monotonic() - startedAtMs);
    if (withinMs <= 0) throw tooLate();
    return await peer.call(request, { ...options, withinMs });
  }

  /** The items of a stream; leaving the loop ends it at the server. Throws as `call` does. */
  async *stream(request: WireRequest, { signal }: WireStreamOptions): AsyncGenerator {
    signal?.throwIfAborted();
    const peer = await abortable(this.#opened(), signal);
    yield* peer.stream(request, signal);
  }

  /** Lets what waits be answered, then closes. Calls from now on are `not sent`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer !== undefined) {
      this.#leaving.add(peer);
      peer.leave();
    }
    await Promise.resolve();
  }

  /** The connection, unless the caller gives up or runs out of time before. */
  async #openedInTime({ withinMs, signal }: WireCallOptions, tooLate: () => TimeoutError): Promise<ClientPeer> {
    using limit = signalAfter(this.#rules.clock, withinMs, tooLate);
    using signals = linkSignals([signal, limit.signal]);
    return await abortable(this.#opened(), signals.signal);
  }

  #opened(): Promise<ClientPeer> {
    if (this.#state === "open" && this.#peer !== undefined) return Promise.resolve(this.#peer);
    if (this.#state === "connecting" && this.#opening !== undefined) return this.#opening.promise;
    const refusal = this.#notNow();
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#open();
  }

  #notNow(): WireError | undefined {
    if (this.#state === "closed") return new WireError("not sent", "this client is closed");
    if (this.state !== "pausing") return undefined;
    return new WireError("not sent", `${this.address} could not be reached a moment ago: ${this.#lastFault}`);
  }

  #open(): Promise<ClientPeer> {
    this.#state = "connecting";
    const opening = (this.#opening = gate<ClientPeer>());
    const peer: ClientPeer = new ClientPeer(this.#connect(this.address), this.#rules, {
      opened: (identity) => {
        this.#server = identity;
        this.#failures = 0;
        if (this.#state === "closed") return peer.leave();
        this.#state = "open";
        this.#peer = peer;
        opening.open(peer);
      },
      leaving: () => {
        this.#leaving.add(peer);
        if (this.#peer === peer) this.#forget("idle");
      },
      closed: (reason, was) => {
        this.#leaving.delete(peer);
        if (closedConnection.active) closedConnection.publish({ side: "client", peer: this.#server, reason });
        if (was === "never opened") this.#pause(reason);
        else if (this.#peer === peer) this.#forget("idle");
        opening.fail(new WireError("not sent", `${this.address}: ${reason}`));
      },
    });
    return opening.promise;
  }

  #pause(reason: string): void {
    this.#lastFault = reason;
    const pauseMs = Math.min(pauseMaxMs, firstPauseMs * 2 ** this.#failures++);
    this.#pauseUntilMs = this.#rules.clock.monotonic() + pauseMs * (0.5 + this.#random.next() / 2);
    if (this.#state !== "closed") this.#state = "pausing";
  }

  #forget(state: "idle"): void {
    this.#peer = undefined;
    if (this.#state !== "closed") this.#state = state;
  }
}
