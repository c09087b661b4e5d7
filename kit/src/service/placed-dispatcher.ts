import type { AnyContract, CallPort, Dispatcher, FeedPort, QueuePort, StreamPort } from "../contract/mod.ts";
import type { LocalDispatcher } from "./local-dispatcher.ts";

/** Requests to services of this process stay in it; all others take the way to elsewhere. */
export function placedDispatcher(local: LocalDispatcher, elsewhere: Dispatcher): Dispatcher {
  const way = (contract: AnyContract): Dispatcher => (local.has(contract) ? local : elsewhere);
  return {
    call: (contract, name): CallPort => way(contract).call(contract, name),
    stream: (contract, name): StreamPort => way(contract).stream(contract, name),
    queue: (contract, name): QueuePort => way(contract).queue(contract, name),
    feed: (contract): FeedPort => way(contract).feed(contract),
  };
}
