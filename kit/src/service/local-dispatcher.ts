import {
  type AnyContract,
  contractId,
  type CallPort,
  type Dispatcher,
  type FeedPort,
  type QueuePort,
  type StreamPort,
} from "../contract/mod.ts";
import { InvariantError } from "../errors/mod.ts";
import type { ServiceHost } from "./service-host.ts";

/** Carries requests to the services of this process: each is a function call. Hosts are added before anybody asks for a way to them. */
export class LocalDispatcher implements Dispatcher {
  readonly #hosts = new Map<string, ServiceHost>();

  add(host: ServiceHost): void {
    this.#hosts.set(host.id, host);
  }

  has(contract: AnyContract): boolean {
    return this.#hosts.has(contractId(contract));
  }

  call(contract: AnyContract, name: string): CallPort {
    // Looked up when first used: services that need each other are made one after the other.
    let port: CallPort = (request) => {
      const operation = this.#host(contract).operations.get(name);
      if (operation === undefined) throw new InvariantError(`${contractId(contract)} has a call ${name}`);
      port = (next) => operation.invoke(next);
      return port(request);
    };
    return (request) => port(request);
  }

  stream(contract: AnyContract, name: string): StreamPort {
    return (request) => {
      const stream = this.#host(contract).streams.get(name);
      if (stream === undefined) throw new InvariantError(`${contractId(contract)} has a stream ${name}`);
      return stream.invoke(request);
    };
  }

  queue(contract: AnyContract, name: string): QueuePort {
    return async (request) => await this.#host(contract).queues.add(name, request);
  }

  feed(contract: AnyContract): FeedPort {
    return async (request) => await this.#host(contract).feed(request);
  }

  #host(contract: AnyContract): ServiceHost {
    const host = this.#hosts.get(contractId(contract));
    if (host === undefined) throw new InvariantError(`${contractId(contract)} runs in this process`);
    return host;
  }
}
