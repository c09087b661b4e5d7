import { decodePage } from "./decode-events.ts";
import type { DomainEvent, Stored } from "./domain-event.ts";
import type { ReadAllOptions, ReadStreamOptions } from "./event-store.ts";
import { isWithin } from "./rehydration.ts";
import type { StoreContext } from "./store-context.ts";

const pageEvents = 512;

export async function* readStream<Event extends DomainEvent>(
  context: StoreContext,
  stream: string,
  { types, after: start = 0, upTo }: ReadStreamOptions<Event>,
): AsyncGenerator<Stored<Event>> {
  for (let after = start; ;) {
    const page = await context.engine.stream({ log: context.log, stream, after, limit: pageEvents });
    const wanted = upTo === undefined ? page : page.filter((record) => isWithin(record, upTo));
    yield* await decodePage(context, types, wanted);
    if (page.length < pageEvents || wanted.length < page.length) return;
    after = page.at(-1)?.version ?? after;
  }
}

export async function* readAll<Event extends DomainEvent>(
  context: StoreContext,
  { types, after: start = 0, streamPrefix }: ReadAllOptions<Event>,
): AsyncGenerator<Stored<Event>> {
  let end: number | undefined;
  for (let after = start; ;) {
    const { engine, log } = context;
    const page = await engine.read({ log, after, limit: pageEvents, types: types?.names, streamPrefix });
    end ??= page.head;
    const last = end;
    yield* await decodePage(
      context,
      types,
      page.events.filter((record) => record.position <= last),
    );
    if (page.through >= last || page.through <= after) return;
    after = page.through;
  }
}
