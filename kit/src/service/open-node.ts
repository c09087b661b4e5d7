import { systemClock } from "../clock/mod.ts";
import { contractHash, contractId } from "../contract/mod.ts";
import { DisposedError, textOf } from "../errors/mod.ts";
import { idSource, systemRandom } from "../random/mod.ts";
import type { Directory, OfferedService } from "../registry/mod.ts";
import { openServices, type OpenServices, type OpenServicesOptions } from "./open-services.ts";
import { type RemoteDispatcher, remoteDispatcher } from "./remote-dispatcher.ts";
import { serveRequests } from "./serve-requests.ts";
import type { System } from "./system-value.ts";
import type { Listener, Transport } from "./transport.ts";
import { wireTransport } from "./wire-link.ts";

/** How one process of a system runs. */
export interface OpenNodeOptions extends Omit<OpenServicesOptions, "elsewhere"> {
  /** Says where the services are that do not run here. */
  readonly directory: Directory;
  /** Name of the process, told to others. Unique where it matters to people. */
  readonly identity: string;
  /** Where others call the services of this process: `host:port`. Default "127.0.0.1:0", any port. */
  readonly listen?: string | undefined;
  /** Where it stands; calls prefer instances of the same zone. */
  readonly zone?: string | undefined;
  /** How processes reach each other. Default: TCP. */
  readonly transport?: Transport | undefined;
}

/** One process of a system: some of its services, the way to the others, and a door for them. Closing it first lets calls in hand be answered. */
export interface ServiceNode extends AsyncDisposable {
  readonly services: OpenServices;
  /** Where it is called; undefined when it runs no services. */
  readonly address: string | undefined;
  /** What it offers, for a registry. Makes the fingerprints when first read. */
  readonly offered: readonly OfferedService[];
  readonly remote: RemoteDispatcher;
  /** Who has called with another contract than ours, by contract and fingerprint. */
  readonly outdated: ReadonlyMap<string, number>;
  readonly connections: Listener["connections"];
}

/** Opens one process of a system: `only` says which services run here, the directory where the others are. Throws {@link ConfigError}. */
export async function openNode(system: System, options: OpenNodeOptions): Promise<ServiceNode> {
  const { directory, listen, zone, clock = systemClock, random = systemRandom, transport = wireTransport } = options;
  const identity = textOf("identity", options.identity);
  const nextId = idSource({ clock, random });
  await using opened = new AsyncDisposableStack();
  const links = opened.use(transport.links({ identity, clock, random }));
  const remote = opened.use(remoteDispatcher({ directory, links: links.to, clock, random, nextId, zone }));
  const services = opened.use(await openServices(system, { ...options, elsewhere: remote }));
  const { only } = options;
  const here = system.services.filter(({ contract }) => only === undefined || only.includes(contract.name));
  const closing = new AbortController();
  const requests = serveRequests(here, services.local, { nextId, hashOf: contractHash, closing: closing.signal });
  const { graceMs } = options;
  const server =
    here.length === 0
      ? undefined
      : opened.use(await transport.listen({ identity, address: listen, graceMs, clock, requests }));
  // Before anything else: whoever waits here for events would hold up the goodbye.
  opened.defer(() => closing.abort(new DisposedError(identity)));
  const held = opened.move();
  return {
    services,
    address: server?.address,
    remote,
    outdated: requests.outdated,
    get offered() {
      return here.map(({ contract }) => ({ name: contractId(contract), hash: contractHash(contract) }));
    },
    get connections() {
      return server?.connections ?? [];
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
