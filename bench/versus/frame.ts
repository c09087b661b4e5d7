import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One measured side of a row: what it is, what its acknowledged work survives, and the figure. */
export interface Figure {
  readonly name: string;
  readonly durability: "memory" | "process" | "disk";
  readonly value: number;
}

/** A row of the table: the path measured, and one function a side. Each side runs alone in a process of its own. */
export interface Row {
  readonly path: string;
  /** `higher` is better for rates, `lower` for times. */
  readonly better: "higher" | "lower";
  readonly unit: string;
  /** Target for a quiet machine like that of the study the targets come from. */
  readonly bar: number;
  /** What `limit` measures. */
  readonly limitName: string;
  readonly ours: () => Promise<Figure>;
  readonly rival?: (() => Promise<Figure>) | undefined;
  /** What the machine could do at best for this path, measured in the same run. */
  readonly limit?: (() => Promise<Figure>) | undefined;
  /** When the bar also asks for a ratio of ours to the limit. */
  readonly limitRatioBar?: number | undefined;
}

/** The order that every enqueue, append and saga of the table carries: about 230 bytes as JSON. */
export function payload(index: number): { orderId: string; total: number; note: string } {
  return { orderId: `order-${index}`, total: 12.5, note: "x".repeat(160) };
}

/** Runs `body(i)` for i in 0..count-1 over `width` lanes and returns operations per second. */
export async function lanes(
  count: number,
  width: number,
  body: (index: number, lane: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: width }, async (_, lane) => {
      for (let index = next++; index < count; index = next++) await body(index, lane);
    }),
  );
  return count / ((performance.now() - startedMs) / 1000);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** A folder that is removed when the side ends. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-versus-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Addresses of the rivals' servers, standard ports on loopback unless the environment says otherwise. */
export const servers = {
  postgres: process.env["BENCH_PG"] ?? "postgres://root@127.0.0.1:5432/test",
  redisPort: Number(process.env["BENCH_REDIS_PORT"] ?? 56379),
} as const;
