import type { MessageState, StoredMessage } from "../engine/mod.ts";
import type { QueueDefinition } from "./definition.ts";
import { JobInputError } from "./errors.ts";
import { type JobFailure, readFailure } from "./failure.ts";

/** A job as inspection shows it; a snapshot that does not change. */
export interface StoredJob<T> {
  readonly id: string;
  readonly state: MessageState;
  /** Decoded when read. Throws {@link JobInputError} where the codec cannot read `body`; listing itself never fails on it. */
  readonly input: T;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: string | undefined;
  readonly lane: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly enqueuedAtMs: number;
  /** When a delayed job matures or a lease ends. */
  readonly dueAtMs: number | undefined;
  /** The first failure and the latest ones, oldest first. */
  readonly failures: readonly JobFailure[];
  /** Why it is dead: `attempts`, `not-retryable`, `input` or `crashed`. */
  readonly reason: string | undefined;
  readonly diedAtMs: number | undefined;
}

export function storedJob<T>(definition: QueueDefinition<T>, message: StoredMessage): StoredJob<T> {
  const { queue: _queue, headers, failures, ...rest } = message;
  return {
    ...rest,
    headers: headers ?? {},
    failures: failures.map(readFailure),
    get input(): T {
      return decodeInput(definition, message);
    },
  };
}

/** Throws {@link JobInputError} when the codec refuses the text. */
export function decodeInput<T>(
  definition: QueueDefinition<T>,
  message: { readonly id: string; readonly body: string },
): T {
  try {
    return definition.codec.decode(message.body);
  } catch (error) {
    throw new JobInputError(definition.name, message.id, error);
  }
}
