import type { RecordedEvent } from "../engine/mod.ts";
import { decodePage } from "./decode-events.ts";
import type { Stored } from "./domain-event.ts";
import type { Feed } from "./feed.ts";

/** A recorded event, decoded, or the fault that decoding met. */
export type PageItem =
  | { readonly record: RecordedEvent; readonly event: Stored }
  | { readonly record: RecordedEvent; readonly fault: unknown };

/** Decodes a page. An event that cannot be decoded is a poison event like any other: it does not stop its neighbours. */
export async function pageItems(
  { context, types }: Feed,
  records: readonly RecordedEvent[],
): Promise<readonly PageItem[]> {
  try {
    const events = await decodePage(context, types, records);
    return records.flatMap((record, index) => itemOf(record, events[index]));
  } catch {
    const items = records.map(async (record) => {
      try {
        return itemOf(record, (await decodePage(context, types, [record]))[0]);
      } catch (fault) {
        return [{ record, fault }];
      }
    });
    return (await Promise.all(items)).flat();
  }
}

function itemOf(record: RecordedEvent, event: Stored | undefined): readonly PageItem[] {
  return event === undefined ? [] : [{ record, event }];
}
