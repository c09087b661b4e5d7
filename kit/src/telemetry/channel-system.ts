import { type Channel as NodeChannel, channel, subscribe as listen, unsubscribe } from "node:diagnostics_channel";
import { errorRecord } from "../errors/mod.ts";
import type { TelemetryEvents } from "./catalogue.ts";

/** Where one kind of event is told. Ask `active` before building an event; that question is all a silent channel costs. */
export interface Channel<E> {
  /** Whether anybody listens now. About 1 ns. */
  readonly active: boolean;
  /** Tells every listener before it returns; does nothing when there is none. */
  publish(event: E): void;
}

/**
 * The channel of that name. It is the process-wide `node:diagnostics_channel` of the same name, so that any tool may listen
 * without the kit, and several copies of the kit share it. Make it once per module, not per call.
 */
export function telemetryChannel<N extends keyof TelemetryEvents>(name: N): Channel<TelemetryEvents[N]> {
  return new ProcessChannel(name);
}

/**
 * Calls `listener` with every event of that name, in the turn and stack of the publisher, until disposed; so it is quick or
 * hands over. What it throws never reaches the publisher: the first time becomes a process warning, later ones are dropped.
 */
export function subscribe<N extends keyof TelemetryEvents>(
  name: N,
  listener: (event: TelemetryEvents[N]) => void,
): Disposable {
  let warned = false;
  const guarded = (event: unknown): void => {
    try {
      listener(event as TelemetryEvents[N]);
    } catch (error) {
      if (!warned)
        process.emitWarning(`a listener of ${name} threw: ${errorRecord(error).message}`, "TelemetryWarning");
      warned = true;
    }
  };
  listen(name, guarded);
  return { [Symbol.dispose]: () => void unsubscribe(name, guarded) };
}

class ProcessChannel<E> implements Channel<E> {
  readonly #channel: NodeChannel;

  constructor(name: string) {
    this.#channel = channel(name);
  }

  get active(): boolean {
    return this.#channel.hasSubscribers;
  }

  publish(event: E): void {
    this.#channel.publish(event);
  }
}
