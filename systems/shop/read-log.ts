import type { Engine, RecordedEvent } from "ashlar/engine";
import type { FaultsFound } from "./faults-found.ts";

const pageEvents = 2_000;

/** One event of a service's own log, parsed. */
export interface LoggedEvent {
  /** What the stream is of: `stock`, `order`. */
  readonly kind: string;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

/** Reads a whole log, from the first event to the one that is the last at the end; gaps between positions are faults. */
export async function* readLog(engine: Engine, log: string, faults: FaultsFound): AsyncGenerator<LoggedEvent> {
  let position = 0;
  while (true) {
    const page = await engine.read({ log, after: position, limit: pageEvents });
    for (const record of page.events) {
      if (record.position !== position + 1) faults.add("gaps", `${record.position} follows ${position}`);
      position = record.position;
      yield eventOf(record);
    }
    if (page.events.length === 0) return;
    position = page.through;
  }
}

function eventOf({ stream, type, data }: RecordedEvent): LoggedEvent {
  const slash = stream.indexOf("/");
  return { kind: stream.slice(0, slash), id: stream.slice(slash + 1), type, data: JSON.parse(data) as unknown };
}
