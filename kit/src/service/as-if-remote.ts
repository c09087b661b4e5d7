import type { Clock } from "../clock/mod.ts";
import type { AnyContract, CallPort, Dispatcher, FeedPort, QueuePort, Request, StreamPort } from "../contract/mod.ts";
import { errorReply, isCallError, replyError, contractId } from "../contract/mod.ts";
import { jsonCodec } from "../codec/mod.ts";
import { numberIn } from "../errors/mod.ts";
import { idSource, type Random } from "../random/mod.ts";

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
  const nextId = idSource({ clock, random });
  const travel = (signal?: AbortSignal): Promise<void> => clock.sleep(random.next() * delayMaxMs, { signal });
  /** The request as it arrives: a copy, with what is left of its time. */
  const sent = async (request: Request): Promise<Request> => {
    const copy = copyOf(request);
    const startedAtMs = clock.monotonic();
    await travel(request.signal);
    const { withinMs } = request;
    return withinMs === undefined ? copy : { ...copy, withinMs: withinMs - (clock.monotonic() - startedAtMs) };
  };
  const carry = async <T>(operation: string, request: Request, send: (request: Request) => Promise<T>): Promise<T> => {
    const arrived = await sent(request);
    try {
      const answer = copied(await send(arrived)) as T;
      await travel(request.signal);
      return answer;
    } catch (error) {
      throw copiedError(operation, error);
    }
  };
  return {
    call(contract: AnyContract, name: string): CallPort {
      const port = inner.call(contract, name);
      const operation = `${contractId(contract)}.${name}`;
      const { semantics = "unsafe" } = contract.calls[name] ?? {};
      return (request) => {
        // One key for both, as for the attempts of a call that really is remote.
        const key = semantics === "keyed" ? (request.key ?? nextId()) : request.key;
        const keyed = { ...request, key };
        // The answer of this one is nobody's: it is only there to happen.
        if (semantics !== "unsafe" && random.next() < duplicates) carry(operation, keyed, port).catch(() => undefined);
        return carry(operation, keyed, port);
      };
    },
    stream(contract: AnyContract, name: string): StreamPort {
      const port = inner.stream(contract, name);
      const operation = `${contractId(contract)}.${name}`;
      return async function* items(request) {
        const arrived = await sent(request);
        try {
          for await (const item of port(arrived)) {
            const copy = copied(item);
            await travel(request.signal);
            yield copy;
          }
        } catch (error) {
          throw copiedError(operation, error);
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

function copiedError(operation: string, error: unknown): unknown {
  if (!isCallError(error)) return error;
  return replyError(operation, copied(errorReply(error)) as ReturnType<typeof errorReply>);
}
