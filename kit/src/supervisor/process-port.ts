import type { Child } from "./definition.ts";

/** How a process ended. `error` when it could not be started at all. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly error?: unknown;
}

/** What is heard of a process. `exit` comes once and last but for output. */
export interface ProcessListener {
  readonly message: (message: unknown) => void;
  readonly output: (stream: "stdout" | "stderr", text: string) => void;
  readonly exit: (ending: Ending) => void;
}

/** A started process. */
export interface ProcessHandle {
  readonly pid: number | undefined;
  /** `full`: too much is waiting to be read by the process. `closed`: it no longer listens. In both cases nothing was sent. */
  send(message: object): "sent" | "full" | "closed";
  /** Does nothing when it is gone. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** Where processes come from: the machine, or a test. */
export interface ProcessPort {
  spawn(child: Child, instance: number, listener: ProcessListener): ProcessHandle;
}

/** An ending in words. */
export function endingText({ code, signal, error }: Ending): string {
  if (error !== undefined) return `could not be started: ${error instanceof Error ? error.message : "unknown error"}`;
  return signal === null ? `exited with ${code ?? "no code"}` : `was killed by ${signal}`;
}
