import type { Clock } from "../clock/mod.ts";
import type {
  AnyContract,
  CallPort,
  Dispatcher,
  FeedPort,
  QueuePort,
  Request,
  Semantics,
  StreamPort,
} from "../contract/mod.ts";
import { errorReply, isCallError, replyError, contractId } from "../contract/mod.ts";
import { jsonCodec } from "../codec/mod.ts";
import { numberIn } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";

/** How unlike a function call the calls of one process shall be. */
export interface AsIfRemoteOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Longest delay of each message; drawn evenly, so that messages overtake each other. Default 5 ms. */
  readonly delayMaxMs?: number;
  /** Part of the requests that arrive twice, where a repeat is allowed. Default 0.05. */
  readonly duplicates?: number;
}

const codec = jsonCodec<unknown>();

/**
 * Makes calls within a process behave as remote ones may, by seed: everything is serialised both ways, delayed, reordered, and repeated
 * where the semantics of the call allow it. What only works because nothing leaves the process fails here first.
 */
export function asIfRemote(inner: Dispatcher, options: AsIfRemoteOptions): Dispatcher {
  const { clock, random } = options;
  const delayMaxMs = numberIn("delayMaxMs", options.delayMaxMs ?? 5, { min: 0, max: 60_000 });
  const duplicates = numberIn("duplicates", options.duplicates ?? 0.05, { min: 0, max: 1 });
  const travel = (signal?: AbortSignal): Promise<void> => clock.sleep(random.next() * delayMaxMs, { signal });
  const carry = async <T>(operation: string, request: Request, send: (request: Request) => Promise<T>): Promise<T> => {
    const sent = copyOf(request);
    await travel(request.signal);
    try {
      const answer = copied(await send(sent)) as T;
      await travel(request.signal);
      return answer;
    } catch (error) {
      if (!isCallError(error)) throw error;
      throw replyError(operation, copied(errorReply(error)) as ReturnType<typeof errorReply>);
    }
  };
  return {
    call(contract: AnyContract, name: string): CallPort {
      const port = inner.call(contract, name);
      const operation = `${contractId(contract)}.${name}`;
      const mayRepeat = isRepeatable(contract.calls[name]?.semantics);
      return (request) => {
        // The one that answers first is the answer; the other is not waited for.
        if (mayRepeat && request.key !== undefined && random.next() < duplicates)
          carry(operation, request, port).catch(() => undefined);
        return carry(operation, request, port);
      };
    },
    stream(contract: AnyContract, name: string): StreamPort {
      const port = inner.stream(contract, name);
      return async function* items(request) {
        await travel(request.signal);
        for await (const item of port(copyOf(request))) {
          const arrived = copied(item);
          await travel(request.signal);
          yield arrived;
        }
      };
    },
    queue(contract: AnyContract, name: string): QueuePort {
      const port = inner.queue(contract, name);
      return (request) => carry(`${contractId(contract)}.${name}`, request, port);
    },
    feed(contract: AnyContract): FeedPort {
      const port = inner.feed(contract);
      return async (request) => {
        await travel(request.signal);
        return copied(await port(request)) as Awaited<ReturnType<FeedPort>>;
      };
    },
  };
}

function copyOf(request: Request): Request {
  return { ...request, input: copied(request.input), caller: request.caller };
}

function copied(value: unknown): unknown {
  return codec.decode(codec.encode(value));
}

function isRepeatable(semantics: Semantics | undefined): boolean {
  return semantics !== undefined && semantics !== "unsafe";
}
