import type { Cell, Change, Engine, RecordedEvent } from "../engine/mod.ts";
import type { ErrorRecord } from "../errors/mod.ts";
import type { SubscriptionCells } from "./subscription-cells.ts";

/** What a cell says about a parked stream. Its later events stay in the log, in order, until the stream is redriven. */
export interface ParkedRecord {
  /** Version and position of the first event that is not handled. */
  readonly version: number;
  readonly position: number;
  readonly attempts: number;
  readonly parkedAtMs: number;
  readonly failure: ErrorRecord;
  readonly redrive: "waiting" | "requested" | "skip first";
}

/** A parked stream as this process knows it. */
export interface ParkedStream {
  readonly stream: string;
  readonly cellVersion: number;
  readonly record: ParkedRecord;
}

/** The streams of one partition that wait for somebody to look at them. */
export class ParkedStreams {
  readonly #cells: SubscriptionCells;
  readonly #partition: number;
  #streams: ReadonlyMap<string, ParkedStream> = new Map();

  constructor(cells: SubscriptionCells, partition: number) {
    this.#cells = cells;
    this.#partition = partition;
  }

  get size(): number {
    return this.#streams.size;
  }

  has(stream: string): boolean {
    return this.#streams.size > 0 && this.#streams.has(stream);
  }

  async load(engine: Engine): Promise<void> {
    const prefix = this.#cells.parkedPrefix(this.#partition);
    const streams = new Map<string, ParkedStream>();
    // Parking is bounded far below this; the limit only keeps a damaged store from filling the memory.
    for await (const cell of engine.scan({ kind: "cells", space: this.#cells.parked, prefix, limit: 1_000_000 })) {
      const found = parkedStream(cell);
      streams.set(found.stream, found);
    }
    this.#streams = streams;
  }

  /** Those that somebody wants handled again, oldest first. */
  requested(): readonly ParkedStream[] {
    return [...this.#streams.values()]
      .filter(({ record }) => record.redrive !== "waiting")
      .toSorted((left, right) => left.record.position - right.record.position);
  }

  /** The change that parks the stream of an event that failed. */
  parking(
    event: RecordedEvent,
    { failure, attempts, nowMs }: { readonly failure: ErrorRecord; readonly attempts: number; readonly nowMs: number },
  ): Change {
    const record: ParkedRecord = {
      version: event.version,
      position: event.position,
      attempts,
      parkedAtMs: nowMs,
      failure,
      redrive: "waiting",
    };
    const cell = this.#cells.parkedStream(this.#partition, event.stream);
    return { op: "put", cell, expect: "absent", value: JSON.stringify(record) };
  }

  /** The change that says how far the redrive of a stream came; `undefined`: to its end. */
  progress({ stream, cellVersion }: ParkedStream, record: ParkedRecord | undefined): Change {
    const cell = this.#cells.parkedStream(this.#partition, stream);
    return { op: "put", cell, expect: cellVersion, value: record === undefined ? undefined : JSON.stringify(record) };
  }
}

export function parkedStream(cell: Cell): ParkedStream {
  const stream = cell.key.slice(cell.key.indexOf(" ") + 1);
  return { stream, cellVersion: cell.version, record: JSON.parse(cell.value) as ParkedRecord };
}
