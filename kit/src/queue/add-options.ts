import type { Committer, NewMessage } from "../engine/mod.ts";
import { parseSync } from "../schema/mod.ts";
import type { QueueDefinition } from "./definition.ts";

/** How a job enters its queue. */
export interface MessageOptions {
  /** Milliseconds until it may run. Not together with `dueAtMs`. */
  readonly delayMs?: number | undefined;
  /** Engine time from which it may run. */
  readonly dueAtMs?: number | undefined;
  /** Overrides the lane of the definition. */
  readonly lane?: number | undefined;
  /** Overrides the key of the definition. */
  readonly key?: string | undefined;
  /** While a job with the same key is remembered (`forMs` from its adding, also after it is done), no second one is added. */
  readonly dedup?: { readonly key: string; readonly forMs: number } | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** How a job enters its queue, and in which commit. */
export interface AddOptions extends MessageOptions {
  /** The commit it becomes part of: an open transaction. Default: a commit of its own. */
  readonly in?: Committer | undefined;
}

/** As for one job; what they share is said once. */
export interface AddManyOptions<T> extends Omit<AddOptions, "dedup"> {
  /** Dedup key of each input. */
  readonly dedup?: ((input: T) => { readonly key: string; readonly forMs: number } | undefined) | undefined;
}

/** `existing`: a job with the same dedup key is remembered and nothing was added; `id` is that job's. */
export interface Added {
  readonly id: string;
  readonly status: "added" | "existing";
}

const defaults: MessageOptions = {};

/** The message that carries `input`. Throws ValidationError or EncodeError. */
export function newMessage<T>(
  definition: QueueDefinition<T>,
  input: T,
  options: MessageOptions = defaults,
): NewMessage {
  const checked =
    definition.input === undefined ? input : parseSync(definition.input, input, `input of queue "${definition.name}"`);
  return {
    body: definition.codec.encode(checked),
    headers: options.headers,
    lane: options.lane ?? definition.lane,
    delayMs: options.delayMs,
    dueAtMs: options.dueAtMs,
    key: options.key ?? definition.keyOf(checked),
    dedup: options.dedup,
  };
}
