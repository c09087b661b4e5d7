import type { RecordedEvent } from "../engine/mod.ts";
import type { AnyDecider } from "./decider.ts";
import type { DomainEvent } from "./domain-event.ts";
import { encodeEvent } from "./encode-event.ts";
import type { Batch } from "./event-batch.ts";
import type { PlannedResult } from "./planned-result.ts";
import type { Versioned } from "./rehydration.ts";
import { StateCache } from "./state-cache.ts";

interface OwnEvent {
  readonly version: number;
  readonly event: DomainEvent;
  readonly types: Batch["types"];
}

const streamsMax = 10_000;

/** What one open transaction has done to the streams of a log. Readers outside see nothing of it, and so do the reads of the engine; what is
 *  decided inside has to build on it. */
export class TransactionStates {
  readonly cache: StateCache = new StateCache(streamsMax);
  readonly #events = new Map<string, OwnEvent[]>();
  readonly #commands = new Map<string, readonly PlannedResult[]>();

  /** Events that a commit of the transaction has appended; `version` is that of the last. */
  appended({ stream, types, events }: Batch, version: number): void {
    const known = this.#events.get(stream) ?? [];
    this.#events.set(stream, known);
    for (const [index, event] of events.entries())
      known.push({ version: version - events.length + index + 1, event, types });
  }

  /** A committed state with the transaction's own events behind it. */
  onto(read: Versioned, decider: AnyDecider, stream: string): Versioned {
    let { version, state } = read;
    for (const own of this.#events.get(stream) ?? []) {
      // Behind a gap stands what somebody appended past the store; a decision will meet a conflict rather than a wrong state.
      if (own.version !== version + 1) continue;
      const event = decider.events.decode(recordOf(stream, own));
      if (event !== undefined) state = decider.evolve(state, event);
      version = own.version;
    }
    return { version, state };
  }

  remember(command: string, results: readonly PlannedResult[]): void {
    this.#commands.set(command, results);
  }

  resultsOf(command: string): readonly PlannedResult[] | undefined {
    return this.#commands.get(command);
  }
}

/** The event as a reader would find it, but for the seals: nobody erases what is not committed. */
function recordOf(stream: string, { version, event, types }: OwnEvent): RecordedEvent {
  const { type, schema = 1, data } = types === undefined ? encodeEvent(types, event, undefined) : types.encode(event);
  return { type, schema, data, stream, version, position: 0, recordedAtMs: 0, meta: undefined };
}
