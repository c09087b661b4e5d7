import type { ReadRequest, ReadResult } from "../engine.ts";
import type { NewEvent, RecordedEvent } from "../event-record.ts";
import { slotOf } from "../slot.ts";
import { SortedNames } from "./sorted-names.ts";

interface MemoryStream {
  readonly slot: number;
  readonly events: RecordedEvent[];
}

/** One log: its events by position, and those of each stream by version. */
export class MemoryLog {
  readonly #events: RecordedEvent[] = [];
  readonly #streams: Map<string, MemoryStream> = new Map();
  readonly #names = new SortedNames();

  get head(): number {
    return this.#events.length;
  }

  /** 0 when there is no such stream. */
  version(stream: string): number {
    return this.#streams.get(stream)?.events.length ?? 0;
  }

  append(stream: string, events: readonly NewEvent[], nowMs: number): void {
    const target = this.#stream(stream);
    const recordedAtMs = Math.max(nowMs, this.#events.at(-1)?.recordedAtMs ?? 0);
    for (const { type, schema = 1, data, meta } of events) {
      const position = this.#events.length + 1;
      const version = target.events.length + 1;
      const recorded = { position, stream, version, type, schema, data, meta, recordedAtMs };
      this.#events.push(recorded);
      target.events.push(recorded);
    }
  }

  read(request: ReadRequest): ReadResult {
    const { after, limit } = request;
    const passes = this.#filter(request);
    const events: RecordedEvent[] = [];
    for (let index = after; index < this.#events.length && events.length < limit; index++) {
      const event = this.#events[index];
      if (event !== undefined && passes(event)) events.push(event);
    }
    const last = events.length === limit ? events.at(-1) : undefined;
    return { events, through: last?.position ?? Math.max(after, this.head), head: this.head };
  }

  /** Events of one stream behind a version. */
  stream(stream: string, after: number, limit: number): readonly RecordedEvent[] {
    return this.#streams.get(stream)?.events.slice(after, after + limit) ?? [];
  }

  names(after: string | undefined, prefix: string): Iterable<string> {
    return this.#names.from(after, prefix, () => true);
  }

  #stream(name: string): MemoryStream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = { slot: slotOf(name), events: [] };
      this.#streams.set(name, stream);
      this.#names.add(name);
    }
    return stream;
  }

  #filter({ types, streamPrefix, partition }: ReadRequest): (event: RecordedEvent) => boolean {
    const wanted = types === undefined ? undefined : new Set(types);
    return (event) => {
      if (wanted !== undefined && !wanted.has(event.type)) return false;
      if (streamPrefix !== undefined && !event.stream.startsWith(streamPrefix)) return false;
      if (partition === undefined) return true;
      return (this.#streams.get(event.stream)?.slot ?? 0) % partition.count === partition.index;
    };
  }
}
