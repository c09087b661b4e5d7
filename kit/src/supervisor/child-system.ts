import process from "node:process";
import type { ChildPort } from "./child-port.ts";
import { childVariable, instanceVariable } from "./process-system.ts";

const unsentMax = 1_024;
const stopSignals = ["SIGTERM", "SIGINT"];
let unsent = 0;

/** This process. */
export const systemChild: ChildPort = {
  get identity() {
    const name = process.env[childVariable];
    return name === undefined || process.send === undefined
      ? undefined
      : { name, instance: Number(process.env[instanceVariable] ?? 0) };
  },

  send(message) {
    if (process.send === undefined || !process.connected) return "alone";
    if (unsent >= unsentMax) return "full";
    unsent++;
    // A failure to send is the end of the channel, which `disconnect` tells; the callback keeps it from being thrown.
    process.send(message, undefined, undefined, () => void unsent--);
    return "sent";
  },

  listen({ message, disconnect, signal }) {
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
  },

  outliveOutput() {
    // The supervisor read it; when that is dead a write is EPIPE, which would end the drain.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  },

  exit: (code) => process.exit(code),
};
