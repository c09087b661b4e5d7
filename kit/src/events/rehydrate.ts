import type { RecordedEvent } from "../engine/mod.ts";
import { hasSealed, type OpenedPayload, openSealed } from "./decode-events.ts";
import type { AnyDecider } from "./decider.ts";
import { isWithin, type Rehydration, type Versioned } from "./rehydration.ts";
import { readSnapshot } from "./snapshot.ts";
import type { StoreContext } from "./store-context.ts";

const pageEvents = 2_048;

/** Reads and folds a stream, from the nearest usable state on. Sees what is committed; O(events behind the snapshot). */
export async function rehydrate(context: StoreContext, request: Rehydration): Promise<Versioned> {
  const { decider, stream, asOf } = request;
  const start: Versioned = { version: 0, state: decider.initial() };
  let current = request.from ?? (await readSnapshot(context, request)) ?? start;
  let isWhole = current === start;
  for (;;) {
    const page = await context.engine.stream({ log: context.log, stream, after: current.version, limit: pageEvents });
    if (!isWhole && page.some(({ type }) => type === "$erased")) {
      // The state built so far holds what may not be known any more.
      current = start;
      isWhole = true;
      continue;
    }
    const wanted = asOf === undefined ? page : page.filter((record) => isWithin(record, asOf));
    const opened = hasSealed(wanted) ? await openSealed(context, wanted) : undefined;
    current = fold(decider, current, { records: wanted, opened });
    if (page.length < pageEvents || wanted.length < page.length) return current;
  }
}

interface Page {
  readonly records: readonly RecordedEvent[];
  readonly opened: readonly (OpenedPayload | undefined)[] | undefined;
}

function fold(decider: AnyDecider, base: Versioned, { records, opened }: Page): Versioned {
  let { version, state } = base;
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (record === undefined) break;
    const payload = opened?.[index];
    const event = decider.events.decode(record, payload?.data, payload?.erased);
    if (event !== undefined) state = decider.evolve(state, event);
    version = record.version;
  }
  return { version, state };
}
