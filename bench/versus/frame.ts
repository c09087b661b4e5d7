import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One measured side of a row: what it is, what its acknowledged work survives ("": there is nothing that could), and the figure. */
export interface Figure {
  readonly name: string;
  readonly durability: "" | "memory" | "process" | "disk";
  readonly value: number;
}

/** A row of the table: the path measured, and one function a side. Each side runs alone in a process of its own. */
export interface Row {
  readonly path: string;
  /** `higher` is better for rates, `lower` for times. */
  readonly better: "higher" | "lower";
  readonly unit: string;
  /** Target for a quiet machine like that of the study the targets come from; none for what is only shown. */
  readonly bar?: number | undefined;
  /** What `limit` measures. */
  readonly limitName: string;
  readonly ours: () => Promise<Figure>;
  readonly rivals?: readonly (() => Promise<Figure>)[] | undefined;
  /** What the machine could do at best for this path, measured in the same run. */
  readonly limit?: (() => Promise<Figure>) | undefined;
  /** When the bar also asks for a ratio of ours to the limit. */
  readonly limitRatioBar?: number | undefined;
}

/** What a run found of a row: medians of its repetitions. */
export interface Result {
  readonly path: string;
  readonly unit: string;
  readonly bar: number | undefined;
  readonly ours: Figure;
  readonly rivals: readonly Figure[];
  readonly limit: Figure | undefined;
  /** Sides that gave no figure, and why. */
  readonly faults: readonly string[];
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

/** The value below which that share of the values lies, 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
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
  rabbitmq: process.env["BENCH_AMQP"] ?? "amqp://guest:guest@127.0.0.1:5672",
  natsPort: Number(process.env["BENCH_NATS_PORT"] ?? 54222),
} as const;

/** Runs an operation so many times. */
export type Loop = (count: number) => void | Promise<void>;

const sliceMs = 30;
const slices = 25;

/**
 * Nanoseconds of this thread's processor time for each operation: mean of the middle half of slices of about 30 ms behind half a second to
 * warm up. So neighbours on the machine count as little as can be. Not the median: Linux may bring a thread's time up to date only at its
 * ticks, 4 ms apart, so that slices differ by whole ticks, and a median moves by an eighth at once.
 */
export async function nanoseconds(loop: Loop): Promise<number> {
  let count = 64;
  for (const untilMs = performance.now() + 500; performance.now() < untilMs;) {
    const spentNs = await spent(loop, count);
    count = Math.max(1, Math.round(Math.min(count * 8, (count * sliceMs * 1e6) / Math.max(spentNs, 1e3))));
  }
  const found: number[] = [];
  for (let slice = 0; slice < slices; slice++) found.push((await spent(loop, count)) / count);
  const middle = found.toSorted((a, b) => a - b).slice(slices >> 2, slices - (slices >> 2));
  return middle.reduce((sum, ns) => sum + ns, 0) / middle.length;
}

async function spent(loop: Loop, count: number): Promise<number> {
  const from = process.threadCpuUsage();
  await loop(count);
  const { user, system } = process.threadCpuUsage(from);
  return (user + system) * 1e3;
}

/** Bytes that stay after `make`, of heap and buffers. Needs the collector, which `side.ts` is started with. */
export async function bytesKept(make: () => unknown): Promise<number> {
  const read = (): number => {
    globalThis.gc?.();
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = read();
  const kept = await make();
  const after = read();
  if (kept === undefined) throw new Error("nothing is kept");
  return after - before;
}
