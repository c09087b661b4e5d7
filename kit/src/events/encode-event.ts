import type { NewEvent } from "../engine/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import type { DomainEvent } from "./domain-event.ts";
import type { EventTypes } from "./event-types.ts";
import { hasMark, wrapLookalikes } from "./sealed-field.ts";

/** One event as the engine takes it; without `types` as it is, at version 1. */
export function encodeEvent(
  types: EventTypes<DomainEvent> | undefined,
  event: DomainEvent,
  meta: string | undefined,
): NewEvent {
  const encoded = unmistakable(types === undefined ? plain(event) : types.encode(event));
  return meta === undefined ? encoded : { ...encoded, meta };
}

function plain(event: DomainEvent): NewEvent {
  if (event.type.startsWith("$")) throw new ConfigError("event.type", event.type, 'a name without "$" in front');
  return { type: event.type, data: JSON.stringify(event.data) };
}

function unmistakable(event: NewEvent): NewEvent {
  if (!hasMark(event.data)) return event;
  return { ...event, data: JSON.stringify(wrapLookalikes(JSON.parse(event.data) as object)) };
}
