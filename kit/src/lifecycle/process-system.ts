import process from "node:process";
import type { ProcessPort, StopSignal } from "./signals.ts";

/** This process. */
export const systemProcess: ProcessPort = {
  listen(signals, heard) {
    const listener = (signal: NodeJS.Signals): void => heard(signal as StopSignal);
    for (const signal of signals) process.on(signal, listener);
    return {
      [Symbol.dispose]() {
        for (const signal of signals) process.off(signal, listener);
      },
    };
  },
  exit: (code) => process.exit(code),
};
