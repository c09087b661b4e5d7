import { numberIn, textOf } from "../errors/mod.ts";
import type { CheckAnswer, HealthCheck } from "./check.ts";
import type { Vitals } from "./vitals.ts";

const mebibyte = 1_048_576;

/** How much room there has to be. */
export interface DiskCheckOptions {
  readonly vitals: Vitals;
  readonly folder: string;
  /** Below it the check is down. */
  readonly freeMinBytes: number;
  /** Below it the check is degraded. Default twice `freeMinBytes`. */
  readonly freeLowBytes?: number | undefined;
  readonly weight?: HealthCheck["weight"];
}

/** Whether the file system of `folder` has room. A file system that does not answer is down by time-out, like any check. */
export function diskCheck(options: DiskCheckOptions): HealthCheck {
  const { vitals, freeMinBytes, weight } = options;
  const folder = textOf("folder", options.folder, { lengthMax: 4_096 });
  numberIn("freeMinBytes", freeMinBytes, { min: 0 });
  const lowBytes = numberIn("freeLowBytes", options.freeLowBytes ?? freeMinBytes * 2, { min: freeMinBytes });
  const run = async (): Promise<CheckAnswer> => {
    const { freeBytes } = await vitals.disk(folder);
    if (freeBytes >= lowBytes) return { status: "up" };
    return {
      status: freeBytes < freeMinBytes ? "down" : "degraded",
      reason: `${Math.floor(freeBytes / mebibyte)} MiB are free`,
    };
  };
  return { name: `disk ${folder}`, weight, run };
}

/** How full the heap may be. */
export interface HeapCheckOptions {
  readonly vitals: Vitals;
  /** Share of the limit above which the check is degraded, 0 to 1. Default 0.9. */
  readonly usedMaxRatio?: number | undefined;
}

/** Degraded when the heap is nearly at the limit that kills the process. */
export function heapCheck({ vitals, usedMaxRatio = 0.9 }: HeapCheckOptions): HealthCheck {
  numberIn("usedMaxRatio", usedMaxRatio, { min: 0, max: 1 });
  const run = (): CheckAnswer => {
    const { heapUsedBytes, heapLimitBytes } = vitals.memory();
    const ratio = heapUsedBytes / heapLimitBytes;
    if (ratio <= usedMaxRatio) return { status: "up" };
    return { status: "degraded", reason: `the heap is ${Math.round(ratio * 100)} % full` };
  };
  return { name: "heap", run };
}

/** How late the event loop may be. */
export interface LoopCheckOptions {
  readonly vitals: Vitals;
  /** Above it, at the 99th percentile, the check is degraded. Default 200. */
  readonly p99MaxMs?: number | undefined;
}

/** Degraded when the event loop is late. Busy is not dead: it never takes a process out, for its work would only make the others late. */
export function loopCheck({ vitals, p99MaxMs = 200 }: LoopCheckOptions): HealthCheck {
  numberIn("p99MaxMs", p99MaxMs, { min: 1 });
  const run = (): CheckAnswer => {
    const { p99Ms } = vitals.loop();
    if (p99Ms <= p99MaxMs) return { status: "up" };
    return { status: "degraded", reason: `the event loop is ${Math.round(p99Ms)} ms late at the 99th percentile` };
  };
  return { name: "event loop", run };
}
