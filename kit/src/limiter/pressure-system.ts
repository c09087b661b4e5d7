import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { constrainedMemory, cpuUsage, memoryUsage } from "node:process";
import { getHeapStatistics } from "node:v8";
import type { Pressure } from "./adaptive.ts";

type DelayHistogram = ReturnType<typeof monitorEventLoopDelay>;

const resolutionMs = 20;
const nsPerMs = 1e6;

/** Measures this process: `read` says how hard it has worked since it was read the last time but one. Costs one timer each 20 ms, which does
 *  not hold the process, until disposed. */
export function systemPressure(): Disposable & { read(): Pressure } {
  // Two histograms overlap, because one that is new does not see a stall that goes on at that moment.
  let older = started();
  let newer = started();
  let cpu = cpuUsage();
  let readAtMs = performance.now();
  return {
    read() {
      const loopDelayMs = Math.max(0, older.percentile(99) / nsPerMs - resolutionMs);
      older.disable();
      older = newer;
      newer = started();
      const used = cpuUsage(cpu);
      const passedMs = Math.max(1, performance.now() - readAtMs);
      cpu = cpuUsage();
      readAtMs = performance.now();
      return { cpuRatio: (used.user + used.system) / 1_000 / passedMs, memoryRatio: memoryRatio(), loopDelayMs };
    },
    [Symbol.dispose]() {
      older.disable();
      newer.disable();
    },
  };
}

/** Whichever is nearer to its end: the heap, or what the container lets the process have. */
function memoryRatio(): number {
  const { rss, heapUsed } = memoryUsage();
  const limit = constrainedMemory();
  // Without a limit Linux answers with a number near 2^63.
  const ofLimit = limit > 0 && limit < Number.MAX_SAFE_INTEGER ? rss / limit : 0;
  return Math.max(ofLimit, heapUsed / getHeapStatistics().heap_size_limit);
}

function started(): DelayHistogram {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  return histogram;
}
