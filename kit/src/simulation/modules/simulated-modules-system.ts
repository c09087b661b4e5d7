import type { NodeHost } from "../mod.ts";
import { ensureIn } from "./builtins-system.ts";
import { installGlobals } from "./globals-system.ts";
import { addressFor, installHooks } from "./hooks-system.ts";

/** The modules of one simulated process. */
export interface SimulatedModules {
  /**
   * Loads a module, and all that it imports, anew for this process: its variables are its own, and gone with it. Where it imports timers, files,
   * chance, sockets or http of Node it gets those of the host; what cannot be simulated is refused by name.
   */
  import(url: URL | string): Promise<Readonly<Record<string, unknown>>>;
  /** Calls something of those modules as this process. */
  run<T>(work: () => T): T;
}

let processes = 0;

/**
 * Brings code into a world that knows nothing of ports and reaches for `setTimeout`, `Date`, `node:fs` and `node:http` directly. Give the world the
 * driver `immediates`: streams of Node need it. Replaces globals of the thread, which outside of simulated processes do what they always did.
 */
export function simulatedModules(host: NodeHost): SimulatedModules {
  installHooks();
  installGlobals();
  const process = ++processes;
  return {
    import: async (url) =>
      (await host.outside(
        async () => await ensureIn(host, async () => (await import(addressFor(url, process))) as object),
      )) as Readonly<Record<string, unknown>>,
    run: (work) => ensureIn(host, work),
  };
}
