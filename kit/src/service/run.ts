import { type Clock, systemClock } from "../clock/mod.ts";
import { type ConfigInput, loadConfig } from "../config/mod.ts";
import type { AnyContract, Client, Dispatcher } from "../contract/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { type Health, openHealth, systemVitals } from "../health/mod.ts";
import { type Lifecycle, openLifecycle, type ShutdownReport } from "../lifecycle/mod.ts";
import { type Random, seededRandom, systemRandom } from "../random/mod.ts";
import {
  type OpenSupervisorOptions,
  type RestartOptions,
  type SupervisedChild,
  supervisedChild,
} from "../supervisor/mod.ts";
import type { LogSink } from "./log.ts";
import { openServices, type OpenServices, type OpenServicesOptions } from "./open-services.ts";
import type { Spread } from "./open-spread.ts";
import { runConfig, type RunSettings } from "./run-config.ts";
import { mainModule, nodeOptions, processIdentity, standardErrorLog } from "./run-log-system.ts";
import type { ServiceNode } from "./open-node.ts";
import { systemChecks } from "./system-health.ts";
import type { System } from "./system-value.ts";

/** Where the services of a running system are. */
export type Placement =
  | { readonly kind: "one process"; readonly services: OpenServices }
  | { readonly kind: "several processes"; readonly spread: Spread }
  | { readonly kind: "child" | "replica"; readonly node: ServiceNode };

/** What a door to the outside (an HTTP server, a console) is given. */
export interface Entrance {
  readonly system: System;
  readonly dispatcher: Dispatcher;
  readonly health: Health;
  readonly settings: RunSettings;
}

/** How a system is run; flags and variables say where (see {@link runConfig}). */
export interface RunOptions extends ConfigInput {
  /** Opens a door to the outside, after the services and closed before them. Not called in the processes of a spread system: the first
   *  process has the door. */
  readonly entrance?: ((entrance: Entrance) => Promise<AsyncDisposable>) | undefined;
  /** The program of the processes when the system is spread: one that calls `run` with the same system. Default: this one. */
  readonly module?: string | undefined;
  /** Arguments for that program besides where it runs. */
  readonly args?: readonly string[] | undefined;
  /** Variables for those processes besides those of this one: what others on the machine must not see among the arguments. */
  readonly childEnv?: Readonly<Record<string, string>> | undefined;
  /** Processes of a service or group when spread, where more than one. */
  readonly instances?: Readonly<Record<string, number>> | undefined;
  /** How processes that die are started again when spread. */
  readonly restart?: RestartOptions | undefined;
  /** Takes what the processes of a spread system print. Default: standard output and error, with the name of the process. */
  readonly onOutput?: OpenSupervisorOptions["onOutput"];
  /** Whether SIGTERM and SIGINT stop it (default), or are left to the caller. */
  readonly signals?: "stop" | "leave" | undefined;
  /** Takes the lines of the services' logs. Default: JSON on standard error. */
  readonly log?: LogSink | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** A system that runs, as this process sees it. Closing it stops what this process has started, in order. */
export interface Running extends AsyncDisposable {
  readonly placement: Placement;
  readonly health: Health;
  readonly settings: RunSettings;
  readonly dispatcher: Dispatcher;
  /** Typed calls to any service of the system, wherever it runs. */
  client<C extends AnyContract>(contract: C): Client<C>;
  /** Aborted when the process begins to stop. */
  readonly stopping: AbortSignal;
  /** Stops: readiness first, then the door, then calls in hand, services and engines. */
  stop(reason?: string): Promise<ShutdownReport>;
}

/**
 * Runs a system where flags and variables say: in this process (the default), as one process a service (`--spread`), or as a replica that
 * finds the others by the registry (`--only orders`). Resolves when everything that this process has started can be called.
 * Throws one error with all faults of the configuration.
 */
export async function run(system: System, options: RunOptions = {}): Promise<Running> {
  const settings = loadConfig(runConfig, { strangers: "ignore", ...inputOf(options) });
  const health = await openHealth({ clock: options.clock });
  const onDraining = (): void => void health.moveTo("draining");
  const { graceMs } = settings;
  // The lifecycle listens for signals; the child only for its supervisor.
  const child = supervisedChild({
    signals: "leave",
    async onDrain() {
      const { error } = await lifecycle.stop("drain");
      // The supervisor learns from the exit code that work was left.
      if (error !== undefined) throw error;
    },
  });
  const signals = signalsOf(options, child);
  const lifecycle = await openLifecycle({ graceMs, shares, signals, onDraining, clock: options.clock });
  try {
    lifecycle.use("health", health);
    const placement = await place(system, { options, settings, child, lifecycle });
    const reachable = reachableFrom(placement);
    const vitals = systemVitals();
    lifecycle.use("vitals", vitals);
    for (const check of systemChecks(reachable, vitals, settings.data)) health.add(check);
    await openDoor(system, { options, settings, lifecycle, health, placement });
    health.moveTo("ready");
    return {
      placement,
      health,
      settings,
      dispatcher: reachable.dispatcher,
      client: (contract) => reachable.client(contract),
      stopping: lifecycle.stopping,
      stop: (reason) => lifecycle.stop(reason),
      [Symbol.asyncDispose]: () => lifecycle[Symbol.asyncDispose](),
    };
  } catch (error) {
    await lifecycle.stop("it could not be started");
    throw error;
  }
}

interface Parts {
  readonly options: RunOptions;
  readonly settings: RunSettings;
  readonly child: SupervisedChild;
  readonly lifecycle: Lifecycle;
}

async function place(system: System, { options, settings, child, lifecycle }: Parts): Promise<Placement> {
  const shared = servicesOptions(options, settings);
  const { only, spread, listen, zone } = settings;
  if (child.identity !== undefined) {
    const { openChild } = await import("./open-child.ts");
    const node = await kept(lifecycle, "services", openChild(system, child, { ...shared, listen, zone, only }));
    return { kind: "child", node };
  }
  if (spread === "on" && only !== undefined)
    throw new ConfigError("--only", only, "nothing, because --spread runs all");
  if (spread === "on") {
    const { openSpread } = await import("./open-spread.ts");
    const { module = mainModule(), args = [], childEnv, instances, onOutput, restart } = options;
    const given = ["--data", settings.data, "--grace", `${shared.graceMs}ms`, ...args];
    const nodeArgs = nodeOptions();
    return {
      kind: "several processes",
      spread: await kept(
        lifecycle,
        "processes",
        openSpread(system, {
          ...shared,
          module,
          args: given,
          env: childEnv,
          nodeArgs,
          instances,
          onOutput,
          restart,
          stopGraceMs: Math.ceil(settings.graceMs * killShare),
        }),
      ),
    };
  }
  if (only === undefined) {
    const services = await kept(lifecycle, "services", openServices(system, shared));
    return { kind: "one process", services };
  }
  const { openReplica } = await import("./open-replica.ts");
  const identity = processIdentity(system.name);
  const node = await kept(
    lifecycle,
    "services",
    openReplica(system, { ...shared, listen, zone, only, identity, lifecycle }),
  );
  return { kind: "replica", node };
}

// The door closes, then calls and jobs in hand may finish, then what tells of them ends. Most of the time is theirs who work: their own
// grace ends before their phase does, so that there is time to cut off what is left, and to kill a process that does not.
const shares = { accept: 0.1, finish: 0, drain: 0.8, close: 0.1 };
const workShare = 0.75;
const killShare = 0.8;

/** Opens what works, to be drained; closes it again when the process has begun to stop meanwhile. */
async function kept<R extends AsyncDisposable>(lifecycle: Lifecycle, name: string, opening: Promise<R>): Promise<R> {
  const opened = await opening;
  try {
    lifecycle.register({ name, phase: "drain", close: () => opened[Symbol.asyncDispose]() });
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
  return opened;
}

function servicesOptions(
  options: RunOptions,
  settings: RunSettings,
): OpenServicesOptions & { readonly graceMs: number } {
  const { log = standardErrorLog, clock = systemClock } = options;
  const { asIfRemote, data } = settings;
  const graceMs = Math.ceil(settings.graceMs * workShare);
  const random = options.random ?? (asIfRemote === undefined ? systemRandom : seededRandom(`${asIfRemote}`));
  return { folder: data, graceMs, log, clock, random, asIfRemote: asIfRemote === undefined ? undefined : {} };
}

async function openDoor(
  system: System,
  { options, settings, lifecycle, health, placement }: Omit<Parts, "child"> & { health: Health; placement: Placement },
): Promise<void> {
  if (options.entrance === undefined || placement.kind === "child") return;
  const { dispatcher } = reachableFrom(placement);
  const door = await options.entrance({ system, dispatcher, health, settings });
  lifecycle.register({ name: "door", phase: "accept", close: () => door[Symbol.asyncDispose]() });
}

function reachableFrom(placement: Placement): OpenServices {
  if (placement.kind === "one process") return placement.services;
  return placement.kind === "several processes" ? placement.spread.node.services : placement.node.services;
}

/** Undefined: those that stop a process by default. Ctrl-C reaches the children, too, whose supervisor stops them in their order. */
function signalsOf({ signals }: RunOptions, child: SupervisedChild): readonly "SIGTERM"[] | undefined {
  if (signals === "leave") return [];
  return child.identity === undefined ? undefined : ["SIGTERM"];
}

function inputOf({ argv, env }: RunOptions): ConfigInput {
  return { ...(argv === undefined ? {} : { argv }), ...(env === undefined ? {} : { env }) };
}
