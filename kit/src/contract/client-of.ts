import type { CallSettings, Client } from "./client.ts";
import type { AnyContract } from "./contract.ts";
import type { Dispatcher, Request } from "./dispatcher.ts";

/** What all calls of a client have in common. */
export type Inherited = Pick<Request, "caller" | "trace">;

/** The contract as functions over a dispatcher. O(operations), once; a call then costs one object. */
export function clientOf<C extends AnyContract>(
  contract: C,
  dispatcher: Dispatcher,
  inherited: Inherited = {},
): Client<C> {
  const client: Record<string, unknown> = {};
  const port = (send: (request: Request) => unknown) => (input: unknown, settings?: CallSettings) =>
    send({ input, ...inherited, ...settings });
  for (const name of Object.keys(contract.calls)) client[name] = port(dispatcher.call(contract, name));
  for (const name of Object.keys(contract.streams)) client[name] = port(dispatcher.stream(contract, name));
  for (const name of Object.keys(contract.queues)) client[name] = port(dispatcher.queue(contract, name));
  return Object.freeze(client) as Client<C>;
}
