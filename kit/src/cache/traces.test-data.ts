import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import type { BoundedMap } from "./bounded-map.ts";

/** Where the traces are: beside the checkout, or where the environment says. */
const folder = join(process.env["ASHLAR_DATA"] ?? join(import.meta.dirname, "../../../../shared/data"), "cache-traces");

/** Why tests on traces cannot run here; `undefined` when they can. */
export const tracesMissing = existsSync(join(folder, "expected-hit-ratios.csv")) ? undefined : "no cache-traces here";

/** One row of the table of expected numbers. Cells that the reference could not compute are absent. */
export interface ExpectedRow {
  readonly trace: string;
  readonly requests: number;
  readonly capacity: number;
  /** Numbers by the name of their column. */
  readonly of: Readonly<Record<string, number>>;
}

export function expectedRows(): readonly ExpectedRow[] {
  return csv("expected-hit-ratios.csv").map((cells) => {
    const of = Object.fromEntries(
      Object.entries(cells).flatMap(([name, cell]) => (cell === "" || name === "trace" ? [] : [[name, Number(cell)]])),
    ) as Record<string, number>;
    return { trace: cells["trace"] ?? "", requests: of["requests"] ?? 0, capacity: of["capacity"] ?? 0, of };
  });
}

/** The keys of a trace, in the order in which they were asked for. */
export function traceOf(name: string): Int32Array<ArrayBuffer> {
  const lines = gunzipSync(readFileSync(join(folder, `${name}.keys.gz`)))
    .toString("latin1")
    .trim()
    .split("\n");
  return Int32Array.from(lines, Number);
}

export interface SizedRequest {
  readonly key: string;
  readonly size: number;
}

/** Requests for objects of different size, and the hits of a least recently used cache of so many bytes. */
export function sizedTrace(): readonly SizedRequest[] {
  const lines = gunzipSync(readFileSync(join(folder, "cdn_weighted.csv.gz")))
    .toString("latin1")
    .trim()
    .split("\n");
  return lines.slice(1).map((line) => {
    const [, object, size] = line.split(",");
    return { key: `${object}/${size}`, size: Number(size) };
  });
}

export function expectedSized(): readonly Readonly<Record<string, string>>[] {
  return csv("cdn_weighted.expected-lru.csv");
}

/** How many requests were hits, where a miss is stored at once. */
export function hitsOf(map: BoundedMap<number, number>, trace: Int32Array): number {
  let hits = 0;
  for (const key of trace) {
    if (map.get(key) === undefined) map.set(key, key);
    else hits++;
  }
  return hits;
}

function csv(name: string): Readonly<Record<string, string>>[] {
  const [head = "", ...lines] = readFileSync(join(folder, name), "utf8").trim().split("\n");
  const names = head.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(names.map((column, index) => [column, cells[index] ?? ""]));
  });
}
