import * as perfHooks from "node:perf_hooks";
import { UnsupportedError } from "../../errors/mod.ts";
import { crypto } from "./crypto-system.ts";
import { host, processNow, runIn } from "./current-system.ts";
import { fs, fsPromises } from "./fs-system.ts";
import { http } from "./http-system.ts";
import { net } from "./net-system.ts";
import { os, simulatedProcess } from "./process-system.ts";
import { timers, timersPromises } from "./timers-system.ts";

/** What stands for a module of Node in a simulated process. */
export const simulated: Readonly<Record<string, () => object>> = {
  crypto: () => crypto,
  fs: () => fs,
  "fs/promises": () => fsPromises,
  http: () => http,
  net: () => net,
  os: () => os,
  process: () => simulatedProcess(host()),
  timers: () => ({ ...timers, promises: timersPromises }),
  "timers/promises": () => timersPromises,
  perf_hooks: () => ({
    ...perfHooks,
    performance: {
      now: () => host().clock.monotonic(),
      timeOrigin: 0,
      mark: () => undefined,
      measure: () => undefined,
    },
  }),
};

const refusedModules: Readonly<Record<string, string>> = {
  worker_threads: "threads run when the machine lets them; give the work to a node of its own",
  cluster: "processes run when the machine lets them; use several nodes",
  child_process: "processes run when the machine lets them; use several nodes",
  dgram: "messages between nodes go through the host's network",
  dns: "names of nodes are addresses",
  "dns/promises": "names of nodes are addresses",
  https: "nothing is encrypted between nodes; use node:http",
  http2: "use node:http",
  tls: "nothing is encrypted between nodes; use node:net",
  inspector: "it sees the machine",
  v8: "it sees the machine",
  zlib: "it works in the machine's thread pool",
  repl: "nobody types in a simulation",
  readline: "nobody types in a simulation",
  sqlite: "take an engine of the world",
  wasi: "it reaches the machine",
};

/** Throws UnsupportedError for a module that cannot be simulated. */
export function refuseModule(name: string): void {
  const advice = refusedModules[name];
  if (advice !== undefined) throw new UnsupportedError(`node:${name}`, "simulation", advice);
}

const registry = Symbol.for("ashlar.simulation.modules");

/** The source of a module that gives what stands for one of Node's. */
export function sourceOf(name: string, format: "module" | "commonjs"): string {
  const made = `globalThis[Symbol.for("ashlar.simulation.modules")](${JSON.stringify(name)})`;
  if (format === "commonjs") return `module.exports = ${made};`;
  const names = Object.keys(simulated[name]?.() ?? {}).filter(
    (key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== "default",
  );
  return [
    `const made = ${made};`,
    "export default made;",
    ...names.map((key) => `export const ${key} = made.${key};`),
  ].join("\n");
}

/** Lets those sources find what they stand for. */
export function publishSimulated(): void {
  Object.defineProperty(globalThis, registry, { configurable: true, value: (name: string) => simulated[name]?.() });
}

/** Runs `work` in a process, unless it runs in one already. */
export function ensureIn<T>(process: Parameters<typeof runIn>[0], work: () => T): T {
  return processNow() === process ? work() : runIn(process, work);
}
