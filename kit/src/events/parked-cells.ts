import type { Cell } from "../engine/mod.ts";
import type { Feed } from "./feed.ts";
import { type ParkedRecord, parkedStream } from "./parked-streams.ts";
import type { Parked, ParkedList } from "./subscription.ts";

/** The parked streams of all partitions, from whichever process. Wishes are written into their cells; the holder of the partition acts on them. */
export class ParkedCells implements ParkedList {
  readonly #feed: Feed;

  constructor(feed: Feed) {
    this.#feed = feed;
  }

  async *list(): AsyncGenerator<Parked> {
    for await (const cell of this.#cells()) {
      const { stream, record } = parkedStream(cell);
      yield { stream, partition: Number(cell.key.slice(0, cell.key.indexOf(" "))), ...record };
    }
  }

  async redrive(streams?: readonly string[]): Promise<number> {
    let asked = 0;
    for await (const cell of this.#cells())
      if (streams === undefined || streams.includes(parkedStream(cell).stream))
        asked += await this.#ask(cell, "requested");
    return asked;
  }

  async skip(stream: string): Promise<"asked" | "not parked"> {
    for await (const cell of this.#cells())
      if (parkedStream(cell).stream === stream)
        return (await this.#ask(cell, "skip first")) === 1 ? "asked" : "not parked";
    return "not parked";
  }

  async #ask({ space, key, value, version }: Cell, redrive: ParkedRecord["redrive"]): Promise<number> {
    const record: ParkedRecord = { ...(JSON.parse(value) as ParkedRecord), redrive };
    const put = { op: "put", cell: { space, key }, expect: version, value: JSON.stringify(record) } as const;
    // Refused: the stream was redriven or parked anew this moment; who asks again sees the new state.
    return (await this.#feed.context.engine.commit([put])).committed ? 1 : 0;
  }

  #cells(): AsyncIterable<Cell> {
    const { cells, context, parkedMax, partitions } = this.#feed;
    return context.engine.scan({ kind: "cells", space: cells.parked, limit: parkedMax * partitions });
  }
}
