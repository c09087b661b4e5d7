import { ConfigError, textOf } from "../errors/mod.ts";
import type { StandardSchema } from "../schema/mod.ts";

/** Something that a service says has happened. Who subscribes gets every one, in order per key. Made by {@link event}. */
export interface Event<D extends StandardSchema = StandardSchema> {
  readonly kind: "event";
  readonly summary: string | undefined;
  readonly data: D;
  /** Field of the data whose value orders events among themselves, such as an order's id. Without it all are one order. */
  readonly key: string | undefined;
}

/** Options of {@link event}. */
export interface EventOptions<D extends StandardSchema> {
  readonly summary?: string;
  readonly data: D;
  readonly key?: string;
}

/** Declares an event. Throws {@link ConfigError}. Pure. */
export function event<D extends StandardSchema>(options: EventOptions<D>): Event<D> {
  const { data, key, summary } = options;
  if (key === "") throw new ConfigError("key", key, "the name of a field");
  return Object.freeze({
    kind: "event",
    summary: summary === undefined ? undefined : textOf("summary", summary, { lengthMax: 500 }),
    data,
    key,
  });
}
