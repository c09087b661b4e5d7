import process from "node:process";
import type { ChildListener, ChildPort } from "./child-port.ts";
import { childVariable, instanceVariable } from "./process-system.ts";

const unsentMax = 1_024;

/** This process. */
export function systemChild(): ChildPort {
  let unsent = 0;
  return {
    identity: identity(),

    send(message) {
      if (process.send === undefined || !process.connected) return "alone";
      if (unsent >= unsentMax) return "full";
      // A failure to send is the end of the channel, which `disconnect` tells; the callback keeps it from being thrown.
      process.send(message, undefined, undefined, () => void unsent--);
      // Only now: what cannot be said in JSON is thrown above, and does not wait.
      unsent++;
      return "sent";
    },

    listen,

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
  if (signal !== undefined) process.on("SIGTERM", signal);
  process.on("SIGINT", left);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", unread);
  return {
    [Symbol.dispose]() {
      process.off("message", message);
      process.off("disconnect", disconnect);
      if (signal !== undefined) process.off("SIGTERM", signal);
      process.off("SIGINT", left);
    },
  };
}

function left(): void {
  // To the supervisor.
}

/** Output of a child whose supervisor is dead, perhaps before it has heard of that: nobody reads it, and it must not end the drain. */
function unread(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE" && error.code !== "ECONNRESET") throw error;
}
