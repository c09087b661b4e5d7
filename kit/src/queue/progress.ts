import { jsonCodec } from "../codec/mod.ts";
import type { CellKey, Change } from "../engine/mod.ts";

const codec = jsonCodec<unknown>();
// Bounds what the reports of discarded jobs leave behind.
const keepMs = 86_400_000;

/** Where the latest progress report of a job lies. */
export function progressCell(queue: string, id: string): CellKey {
  return { space: `queue-progress:${queue}`, key: id };
}

export function progressChange(cell: CellKey, report: unknown): Change {
  return { op: "put", cell, expect: "any", value: codec.encode(report), expiresInMs: keepMs };
}

export function readProgress(text: string): unknown {
  return codec.decode(text);
}
