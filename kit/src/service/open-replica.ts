import { systemClock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import type { Lifecycle } from "../lifecycle/mod.ts";
import { openRegistry } from "../registry/mod.ts";
import { Engines } from "./open-engines.ts";
import { openNode, type OpenNodeOptions, type ServiceNode } from "./open-node.ts";
import type { System } from "./system-value.ts";

/** How a replica runs. */
export interface OpenReplicaOptions extends Omit<OpenNodeOptions, "directory"> {
  /** Where the announcement is told to drain, before calls stop being taken. */
  readonly lifecycle: Lifecycle;
}

/** How often a replica says how busy it is. */
const loadMs = 2_000;

/**
 * One process of a system that finds the others by the registry, and is found by it. Closing it takes it out of the registry first, then lets calls
 * in hand be answered.
 */
export async function openReplica(system: System, options: OpenReplicaOptions): Promise<ServiceNode> {
  const { lifecycle, folder = "data", clock = systemClock, random, zone } = options;
  if (system.registry === undefined)
    throw new ConfigError("--only", options.only, `nothing, because ${system.name} names no engine for a registry`);
  await using opened = new AsyncDisposableStack();
  const engines = opened.use(new Engines(system.engines, { folder, clock }));
  const registry = opened.use(await openRegistry({ engine: await engines.open(system.registry), random }));
  const node = opened.use(await openNode(system, { ...options, directory: registry }));
  if (node.address !== undefined) {
    const facts = { address: node.address, services: node.offered, zone };
    const announced = opened.use(await registry.announce(facts));
    const close = (): Promise<void> => announced.update({ state: "draining" });
    lifecycle.register({ name: "announcement", phase: "accept", close });
    const stopped = new AbortController();
    opened.defer(() => stopped.abort());
    void tellLoad();

    async function tellLoad(): Promise<void> {
      while (!stopped.signal.aborted) {
        await clock.sleep(loadMs, { signal: stopped.signal }).catch(() => undefined);
        const load = loadOf(node);
        // What the store cannot take now goes with a later heartbeat.
        if (!stopped.signal.aborted) await announced.update({ load }).catch(() => undefined);
      }
    }
  }
  const held = opened.move();
  return {
    services: node.services,
    address: node.address,
    remote: node.remote,
    outdated: node.outdated,
    get offered() {
      return node.offered;
    },
    get connections() {
      return node.connections;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Calls in flight beside those that make a process busy: a rough measure, for balancers to lean on. */
const busyCalls = 500;

function loadOf({ services }: ServiceNode): number {
  const inFlight = services.services.reduce((sum, { callsInFlight }) => sum + callsInFlight, 0);
  return Math.min(1, Math.round((inFlight / busyCalls) * 10) / 10);
}
