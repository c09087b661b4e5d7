import {
  type AnyContract,
  type CallPort,
  contractId,
  type Dispatcher,
  type FeedPage,
  type FeedPort,
  type QueuePort,
  type StreamPort,
} from "../contract/mod.ts";
import { type RemoteOptions, RemoteTarget } from "./remote-target.ts";
import { type RemoteOperation, RemoteWay } from "./remote-way.ts";

/** A dispatcher that holds connections' balancers and subscriptions. */
export interface RemoteDispatcher extends Dispatcher, Disposable {
  /** What is known of the instances of each service that was asked for. */
  describe(): Readonly<Record<string, ReturnType<RemoteTarget["describe"]>>>;
}

const queueDeadlineMs = 10_000;
// Above the time that a feed waits for events at most.
const feedSpareMs = 10_000;

/**
 * Carries requests to services in other processes. Each operation is a pipeline: its deadline, then retries within a budget, so that they never multiply load, then
 * an attempt, which goes over a connection to the instance that the balancer picks. What was certainly not done is tried on another instance, whatever the
 * call; what may have been done only when its semantics allow it. Never more than three instances a call, patience apart.
 */
export function remoteDispatcher(options: RemoteOptions): RemoteDispatcher {
  const targets = new Map<string, RemoteTarget>();
  const targetOf = (contract: AnyContract): RemoteTarget => {
    const id = contractId(contract);
    const target = targets.get(id) ?? new RemoteTarget(id, options);
    targets.set(id, target);
    return target;
  };
  const wayTo = (contract: AnyContract, operation: RemoteOperation): RemoteWay =>
    new RemoteWay(contract, operation, targetOf(contract));
  return {
    call(contract: AnyContract, name: string): CallPort {
      const { semantics = "unsafe", deadlineMs } = contract.calls[name] ?? {};
      const way = wayTo(contract, { kind: "call", name, semantics, deadlineMs });
      return (request) => way.call(request);
    },
    stream(contract: AnyContract, name: string): StreamPort {
      const { deadlineMs = 0 } = contract.streams[name] ?? {};
      const way = wayTo(contract, { kind: "stream", name, semantics: "safe" });
      return (request) => way.items(request, deadlineMs);
    },
    queue(contract: AnyContract, name: string): QueuePort {
      const { output, deadlineMs = 0 } = contract.queues[name] ?? {};
      const waitMs = output === undefined ? 0 : deadlineMs;
      const way = wayTo(contract, { kind: "queue", name, semantics: "keyed", deadlineMs: waitMs + queueDeadlineMs });
      return (request) => way.call(request);
    },
    feed(contract: AnyContract): FeedPort {
      const way = wayTo(contract, { kind: "feed", name: "", semantics: "safe" });
      return async ({ signal, ...input }) =>
        (await way.call({ input, signal, withinMs: input.waitMs + feedSpareMs })) as FeedPage;
    },
    describe: () => Object.fromEntries(Array.from(targets, ([id, target]) => [id, target.describe()])),
    [Symbol.dispose]() {
      for (const target of targets.values()) target[Symbol.dispose]();
    },
  };
}
