/** Something a worker met that no caller is waiting for. */
export interface WorkerFault {
  /** `handler`: an attempt failed. `lost`: a lease was lost. `claim`, `extend`, `settle`: the store failed; the worker tries again by itself. */
  readonly what: "handler" | "lost" | "claim" | "extend" | "settle";
  readonly error: unknown;
  readonly jobId?: string | undefined;
}

/** What every kind of worker can be told. */
export interface WorkerTuning {
  /** How long `dispose` waits for running handlers before it aborts their signals, and how long one may go on after its time budget is used
   *  up. Default 10 s; at most 1 h. */
  readonly drainMs?: number | undefined;
  /** How late a job can start when a bell was lost, 10 ms to 1 min. Default 1 s. */
  readonly pollMs?: number | undefined;
  /** Told of every fault, in the worker's stack; what it throws is dropped. The failures of a job are kept with the job as well. */
  readonly onFault?: ((fault: WorkerFault) => void) | undefined;
}

/** What a worker holds at this moment. */
export interface WorkerState {
  readonly running: number;
  /** Claimed and waiting for a free slot. */
  readonly prefetched: number;
  /** Handler done, settlement on its way to the store. */
  readonly settling: number;
}

/** Closing it drains: no new claims, prefetched jobs go back uncounted, running ones may finish for `drainMs`, then their signals
 *  abort and they go back uncounted. Resolves when nothing is held any more. Idempotent. */
export interface Worker extends AsyncDisposable {
  readonly state: WorkerState;
}

/** A fault listener that cannot harm the worker. */
export function guarded(onFault: WorkerTuning["onFault"]): (fault: WorkerFault) => void {
  return (fault) => {
    try {
      onFault?.(fault);
    } catch {
      // The listener is told of faults; there is nobody to tell of its own.
    }
  };
}
