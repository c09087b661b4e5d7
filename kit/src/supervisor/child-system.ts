import process from "node:process";
import type { ChildListener, ChildPort } from "./child-port.ts";
import { childVariable, instanceVariable } from "./process-system.ts";

const unsentMax = 1_024;
const stopSignals = ["SIGTERM", "SIGINT"];

/** This process. */
export function systemChild(): ChildPort {
  let unsent = 0;
  return {
    identity: identity(),

    send(message) {
      if (process.send === undefined || !process.connected) return "alone";
      if (unsent >= unsentMax) return "full";
      unsent++;
      // A failure to send is the end of the channel, which `disconnect` tells; the callback keeps it from being thrown.
      process.send(message, undefined, undefined, () => void unsent--);
      return "sent";
    },

    listen,

    outliveOutput() {
      // The supervisor read it; when that is dead a write is EPIPE, which would end the drain.
      for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
    },

    exit: (code) => process.exit(code),
  };
}

function identity(): ChildPort["identity"] {
  const name = process.env[childVariable];
  if (name === undefined || process.send === undefined) return undefined;
  return { name, instance: Number(process.env[instanceVariable] ?? 0) };
}

function listen({ message, disconnect, signal }: ChildListener): Disposable {
  process.on("message", message);
  process.on("disconnect", disconnect);
  if (signal !== undefined) for (const name of stopSignals) process.on(name, signal);
  return {
    [Symbol.dispose]() {
      process.off("message", message);
      process.off("disconnect", disconnect);
      if (signal !== undefined) for (const name of stopSignals) process.off(name, signal);
    },
  };
}
