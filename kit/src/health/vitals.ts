/** How late the event loop comes to its work, over the recent past. */
export interface LoopVitals {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Share of the time in which the loop did not wait for events, 0 to 1. */
  readonly utilizationRatio: number;
}

/** What the process uses and may use. */
export interface MemoryVitals {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Beyond it the process dies of "out of memory". */
  readonly heapLimitBytes: number;
  /** What the machine or its container lets the process have; undefined where nobody says. */
  readonly limitBytes: number | undefined;
}

/** Room on the file system of a folder. */
export interface DiskVitals {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Where the facts of a process come from: the machine, or a test. */
export interface Vitals extends Disposable {
  loop(): LoopVitals;
  memory(): MemoryVitals;
  disk(folder: string): Promise<DiskVitals>;
  uptimeMs(): number;
}
