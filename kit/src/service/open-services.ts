import { type Clock, systemClock } from "../clock/mod.ts";
import { clientOf, type AnyContract, type Client, contractId, type Dispatcher } from "../contract/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import { idSource, type Random, systemRandom } from "../random/mod.ts";
import { asIfRemote, type AsIfRemoteOptions } from "./as-if-remote.ts";
import type { Implementation } from "./implement.ts";
import { LocalDispatcher } from "./local-dispatcher.ts";
import type { LogSink } from "./log.ts";
import { Engines } from "./open-engines.ts";
import { placedDispatcher } from "./placed-dispatcher.ts";
import { type HostState, ServiceHost } from "./service-host.ts";
import { startOrder } from "./start-order.ts";
import type { System } from "./system-value.ts";

/** Where and how the services of one process run. */
export interface OpenServicesOptions {
  /** Names of the services that run here. Default: all. */
  readonly only?: readonly string[] | undefined;
  /** The way to services that run elsewhere; needed when `only` leaves out one that is needed here. */
  readonly elsewhere?: Dispatcher | undefined;
  /** Folder of engines that keep files. Default "data". */
  readonly folder?: string | undefined;
  /** Calls between the services of this process: plain, or serialised, delayed, reordered and repeated by seed. Default plain. */
  readonly asIfRemote?: Omit<AsIfRemoteOptions, "clock" | "random"> | undefined;
  /** Calls that a service handles at once, 1 to 1e6; beyond it they are refused as not done. Default 10,000. */
  readonly callsMax?: number | undefined;
  /** How long closing waits for what runs, in all services together, 0 to 1 h. Default 10 s. */
  readonly graceMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** Takes the lines of the services' logs. Default: none are kept. */
  readonly log?: LogSink | undefined;
}

/** The services of one process. Closing it drains them in reverse order of their start, then closes the engines. */
export interface OpenServices extends AsyncDisposable {
  /** Typed calls to any service that can be reached from here. */
  client<C extends AnyContract>(contract: C): Client<C>;
  /** The way to the services that run here. */
  readonly local: Dispatcher;
  /** The way to all services. */
  readonly dispatcher: Dispatcher;
  readonly services: readonly HostState[];
  readonly engines: ReadonlyMap<string, Engine>;
}

const hourMs = 3_600_000;

/**
 * Opens services of a system in this process: engines first, then each service after those that it needs. When one cannot be opened, all
 * that were are closed again, and the error says which. Throws {@link ConfigError}.
 */
export async function openServices(system: System, options: OpenServicesOptions = {}): Promise<OpenServices> {
  const { clock = systemClock, random = systemRandom, folder = "data", log = () => undefined } = options;
  const graceMs = integerIn("graceMs", options.graceMs ?? 10_000, { min: 0, max: hourMs });
  const callsMax = integerIn("callsMax", options.callsMax ?? 10_000, { min: 1, max: 1_000_000 });
  const chosen = chosenServices(system, options);
  await using opened = new AsyncDisposableStack();
  const engines = opened.use(
    new Engines(system.engines, { folder: textOf("folder", folder, { lengthMax: 4_096 }), clock }),
  );
  const local = new LocalDispatcher();
  const nextId = idSource({ clock, random });
  const dispatcher = dispatcherOf(local, { ...options, clock, random });
  const hosts: ServiceHost[] = [];
  for (const implementation of startOrder(chosen)) {
    const engine = implementation.engine === undefined ? undefined : await engines.open(implementation.engine);
    const host = new ServiceHost({ implementation, engine, dispatcher, clock, random, nextId, log, callsMax, graceMs });
    local.add(host);
    hosts.push(host);
  }
  let closedAtMs: number | undefined;
  const leftMs = (): number => {
    closedAtMs ??= clock.monotonic() + graceMs;
    return Math.max(0, closedAtMs - clock.monotonic());
  };
  for (const host of hosts) {
    await host.open();
    opened.defer(() => host.close(leftMs()));
  }
  const held = opened.move();
  return {
    local,
    dispatcher,
    client: (contract) => clientOf(contract, dispatcher),
    get services() {
      return hosts.map((host) => host.state);
    },
    engines: engines.opened,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function dispatcherOf(
  local: LocalDispatcher,
  options: OpenServicesOptions & { readonly clock: Clock; readonly random: Random },
): Dispatcher {
  const { elsewhere, clock } = options;
  const random = options.random.stream("as-if-remote");
  const inside: Dispatcher =
    options.asIfRemote === undefined ? local : asIfRemote(local, { ...options.asIfRemote, clock, random });
  return elsewhere === undefined ? inside : placedDispatcher(local, elsewhere);
}

function chosenServices(system: System, { only, elsewhere }: OpenServicesOptions): readonly Implementation[] {
  if (only === undefined) return system.services;
  const names = system.services.map(({ contract }) => contract.name);
  for (const name of only) if (!names.includes(name)) throw new ConfigError("only", name, `one of ${names.join(", ")}`);
  const chosen = system.services.filter(({ contract }) => only.includes(contract.name));
  const here = new Set(chosen.map(({ contract }) => contractId(contract)));
  for (const { contract, needs } of chosen) {
    for (const needed of Object.values(needs)) {
      if (elsewhere === undefined && !here.has(contractId(needed)))
        throw new ConfigError("only", only, `${needed.name} too, which ${contract.name} needs, or a way to elsewhere`);
    }
  }
  return chosen;
}
