import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import { run, type RunOptions, type Running } from "ashlar/service";
import { shopSystem } from "./design.ts";
import { storageOf } from "./storage/mod.ts";
import type { ShopSettings } from "./settings.ts";

type LogSink = NonNullable<RunOptions["log"]>;
type Output = Parameters<NonNullable<RunOptions["onOutput"]>>[0];

/** Where a shop runs. */
export interface ShopPlacement {
  readonly spread: "on" | "off";
  /** Serialises, delays, reorders and repeats calls between services, by this seed. */
  readonly asIfRemote?: number | undefined;
  readonly entrance?: RunOptions["entrance"];
  /** Takes the lines of the services' logs, of this process and of those that it starts. */
  readonly log?: RunOptions["log"];
  readonly restart?: RunOptions["restart"];
}

// Processes are killed by tests and operators, and more often than anything that should be given up on.
const restart = { crashesMax: 1_000, capMs: 500 };

/** Runs the shop: in this process, or one process a service. Signals stay the caller's. */
export async function runShop(settings: ShopSettings, placement: ShopPlacement): Promise<Running> {
  const storage = storageOf(settings);
  await storage.check();
  const { asIfRemote, spread, entrance, log } = placement;
  // Others on this machine can see the arguments of a process, and an address may hold a password.
  const { bus, cache, data, engine, reads, ...others } = settings;
  const where = spread === "on" ? ["--spread"] : [];
  const how = asIfRemote === undefined ? [] : ["--as-if-remote", `${asIfRemote}`];
  return await run(shopSystem(settings, storage), {
    argv: ["--data", data, ...where, ...how],
    env: {},
    childEnv: namedIn({ SHOP_ENGINE: engine, SHOP_CACHE: cache, SHOP_BUS: bus, SHOP_READS: reads }),
    module: join(import.meta.dirname, "node.ts"),
    args: Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)])),
    signals: "leave",
    entrance,
    log,
    onOutput: log === undefined ? undefined : (output) => toLog(log, output),
    restart: placement.restart ?? restart,
  });
}

function namedIn(variables: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** What a process prints is lines of its log; whatever else it says is an error of it. */
function toLog(log: LogSink, { name, instance, text }: Output): void {
  try {
    log(JSON.parse(text) as Parameters<LogSink>[0]);
  } catch {
    const time = new Date(systemClock.now()).toISOString();
    log({ time, level: "error", message: text, process: `${name}-${instance}` });
  }
}
