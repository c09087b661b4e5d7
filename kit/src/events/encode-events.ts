import type { EventMeta } from "./domain-event.ts";
import type { Batch, Encoded } from "./event-batch.ts";
import { encodeEvent } from "./encode-event.ts";
import { sealEvents } from "./seal-events.ts";
import type { StoreContext } from "./store-context.ts";

/** Not a promise unless something must be sealed: a turn is worth more than the uniformity. */
export function encodeBatches(
  context: StoreContext,
  batches: readonly Batch[],
  meta: string | undefined,
): Encoded | Promise<Encoded> {
  if (batches.some(isPersonal)) return sealEvents(context, batches, meta);
  return {
    events: batches.map((batch) => batch.events.map((event) => encodeEvent(batch.types, event, meta))),
    guards: [],
  };
}

/** The meta text of a command: what the caller gave and the id of the command. */
export function metaText(meta: EventMeta | undefined, commandId: string | undefined): string | undefined {
  if (commandId === undefined) return meta === undefined ? undefined : JSON.stringify(meta);
  return JSON.stringify({ ...meta, commandId });
}

function isPersonal({ types, events }: Batch): boolean {
  return types !== undefined && events.some((event) => types.personalOf(event.type).length > 0);
}
