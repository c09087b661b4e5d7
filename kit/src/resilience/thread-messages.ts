import type { ErrorRecord } from "../errors/mod.ts";

/** To a thread: do this. A thread has one task at a time. */
export interface TaskMessage {
  readonly task: string;
  readonly input: unknown;
}

/** From a thread: how it ended. */
export type TaskReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly record: ErrorRecord; readonly repeat: "allowed" | "not allowed" };
