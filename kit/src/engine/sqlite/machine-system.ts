import { watch } from "node:fs";
import { systemClock } from "../../clock/mod.ts";
import { connectToFile } from "../../drivers/sqlite/mod.ts";
import type { Machine } from "./machine.ts";
import { isGone, isNeighbour, ownIdentity } from "./process-identity-system.ts";

/** The machine that this process runs on. */
export function systemMachine(): Machine {
  const identity = ownIdentity();
  return {
    clock: systemClock,
    identity,
    isGone: (other) => isGone(other, identity),
    isNeighbour: (other) => isNeighbour(other, identity),
    watch: watchFile,
    connect: connectToFile,
  };
}

function watchFile(path: string, changed: () => void): Disposable | undefined {
  try {
    const watcher = watch(path, { persistent: false }, changed);
    watcher.on("error", () => watcher.close());
    return { [Symbol.dispose]: () => watcher.close() };
  } catch {
    return undefined; // no watches left or not supported
  }
}
