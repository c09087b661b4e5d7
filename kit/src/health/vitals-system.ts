import { promises as files } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { constrainedMemory, memoryUsage, uptime } from "node:process";
import { getHeapStatistics } from "node:v8";
import type { LoopVitals, MemoryVitals, Vitals } from "./vitals.ts";

type DelayHistogram = ReturnType<typeof monitorEventLoopDelay>;

const resolutionMs = 20;
const windowMs = 10_000;
const nsPerMs = 1e6;

/** The vitals of this process. Measuring the loop costs one timer each 20 ms, which does not hold the process. */
export function systemVitals(): Vitals {
  const loop = new LoopGauge();
  return {
    loop: () => loop.read(),
    memory,
    uptimeMs: () => uptime() * 1_000,
    async disk(folder) {
      const { bavail, blocks, bsize } = await files.statfs(folder);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    },
    [Symbol.dispose]: () => loop.stop(),
  };
}

function memory(): MemoryVitals {
  const { rss, heapUsed } = memoryUsage();
  const limit = constrainedMemory();
  // Without a limit Linux answers with a number near 2^63.
  const limitBytes = limit > 0 && limit < Number.MAX_SAFE_INTEGER ? limit : undefined;
  return {
    rssBytes: rss,
    heapUsedBytes: heapUsed,
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    limitBytes,
  };
}

/**
 * The delay over the last one or two windows. Two histograms overlap, because one that is reset forgets the stall that goes on
 * at that moment: Node takes the first sample after a reset only as a starting point.
 */
class LoopGauge {
  #older: DelayHistogram = started();
  #newer: DelayHistogram = started();
  #turnedAtMs = performance.now();
  #olderUse = performance.eventLoopUtilization();
  #newerUse = this.#olderUse;

  read(): LoopVitals {
    const vitals = {
      p50Ms: delayOf(this.#older.percentile(50)),
      p99Ms: delayOf(this.#older.percentile(99)),
      maxMs: delayOf(this.#older.max),
      utilizationRatio: performance.eventLoopUtilization(this.#olderUse).utilization,
    };
    this.#turn();
    return vitals;
  }

  stop(): void {
    this.#older.disable();
    this.#newer.disable();
  }

  #turn(): void {
    if (performance.now() - this.#turnedAtMs < windowMs) return;
    this.#turnedAtMs = performance.now();
    this.#older.disable();
    this.#older = this.#newer;
    this.#newer = started();
    this.#olderUse = this.#newerUse;
    this.#newerUse = performance.eventLoopUtilization();
  }
}

function started(): DelayHistogram {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  return histogram;
}

/** What Node records is the time between two ticks of its timer; the delay is what exceeds the interval. */
function delayOf(nanoseconds: number): number {
  return Math.max(0, nanoseconds / nsPerMs - resolutionMs);
}
