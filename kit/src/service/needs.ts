import type { AnyContract, Caller, CallSettings, Dispatcher, Request } from "../contract/mod.ts";
import type { Needs } from "./handler-context.ts";

/** The call being handled, as the calls that it makes see it. */
export interface Origin {
  readonly remainingMs: number;
  readonly signal: AbortSignal;
  readonly caller: Caller | undefined;
  readonly trace: string | undefined;
}

/** Makes the needed clients of one handled call. */
export type NeedsMaker = (origin: Origin) => object;

type Send = (request: Request) => unknown;

/**
 * Compiles the needs of an implementation into a class, so that a handled call pays one small object for all of them and one more for
 * each client that it really uses. Clients bound to the call carry its deadline, cancellation, caller and trace to the next service
 * without any context that follows the code around.
 */
export function needsMaker(needs: Needs, dispatcher: Dispatcher): NeedsMaker {
  class NeedsOfCall {
    readonly [origin]: Origin;
    readonly [made]: (object | undefined)[] = [];

    constructor(call: Origin) {
      this[origin] = call;
    }
  }
  for (const [place, [name, contract]] of Object.entries(needs).entries()) {
    const ClientOfCall = clientClass(contract, dispatcher);
    Object.defineProperty(NeedsOfCall.prototype, name, {
      enumerable: true,
      get(this: NeedsOfCall) {
        return (this[made][place] ??= new ClientOfCall(this[origin]));
      },
    });
  }
  return (call) => new NeedsOfCall(call);
}

// Symbols, because needs and calls may have any name.
const origin = Symbol("the call being handled");
const made = Symbol("clients that were asked for");

type ClientClass = new (call: Origin) => object;

function clientClass(contract: AnyContract, dispatcher: Dispatcher): ClientClass {
  class ClientOfCall {
    readonly [origin]: Origin;

    constructor(call: Origin) {
      this[origin] = call;
    }
  }
  const add = (name: string, send: Send): void => {
    Object.defineProperty(ClientOfCall.prototype, name, {
      enumerable: true,
      // A function without `this`, so that a handler can take it out of its client.
      get(this: ClientOfCall) {
        const call = this[origin];
        return (input: unknown, settings?: CallSettings) => send(requestOf(call, input, settings));
      },
    });
  };
  for (const name of Object.keys(contract.calls)) add(name, dispatcher.call(contract, name));
  for (const name of Object.keys(contract.streams)) add(name, dispatcher.stream(contract, name));
  for (const name of Object.keys(contract.queues)) add(name, dispatcher.queue(contract, name));
  return ClientOfCall;
}

function requestOf(parent: Origin, input: unknown, settings: CallSettings | undefined): Request {
  const { remainingMs, caller, trace } = parent;
  if (settings === undefined) return { input, withinMs: remainingMs, parent, caller, trace };
  const { signal, key, affinity, withinMs = remainingMs } = settings;
  return { input, withinMs: Math.min(withinMs, remainingMs), parent, signal, key, affinity, caller, trace };
}
