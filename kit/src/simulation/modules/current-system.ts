import { AsyncLocalStorage } from "node:async_hooks";
import { UnsupportedError } from "../../errors/mod.ts";
import type { NodeHost } from "../mod.ts";

/** Which process runs now: follows promises, timers and what arrives. */
const running = new AsyncLocalStorage<NodeHost>();

/** The host of the process that runs now; undefined outside of any. */
export function processNow(): NodeHost | undefined {
  return running.getStore();
}

/** The same, for code that can only run in one. Throws UnsupportedError. */
export function host(): NodeHost {
  const found = running.getStore();
  if (found === undefined)
    throw new UnsupportedError(
      "simulated modules outside of a process",
      "simulation",
      "call it by `run` of simulatedModules(host)",
    );
  return found;
}

export function runIn<T>(process: NodeHost, work: () => T): T {
  return running.run(process, work);
}

/** For parts of Node itself that use what a simulated program is refused. */
export function outsideOfProcesses<T>(work: () => T): T {
  return running.exit(work);
}

/** The same function, called in the process in which it was handed over. */
export function bound<A extends readonly unknown[]>(run: (...given: A) => void): (...given: A) => void {
  const process = host();
  return (...given) => runIn(process, () => run(...given));
}

/** What stands for a thing of Node that cannot be simulated: throws when it is called. */
export function refused(name: string, advice: string): () => never {
  return () => {
    throw new UnsupportedError(name, "simulation", advice);
  };
}

/** `real` with every function refused but those that are simulated or harmless. */
export function only(
  real: object,
  parts: { readonly name: string; readonly simulated: object; readonly harmless: readonly string[] },
): Record<string, unknown> {
  const { name, simulated, harmless } = parts;
  const entries = Object.entries(real).map(([key, value]): readonly [string, unknown] => {
    const isHarmless = typeof value !== "function" || harmless.includes(key);
    return [
      key,
      isHarmless ? value : refused(`${name}.${key}`, "it would reach the machine; take the host's ports instead"),
    ];
  });
  return { ...Object.fromEntries(entries), ...simulated };
}
