import { createHistogram } from "node:perf_hooks";
import { subscribe } from "ashlar/telemetry";

/** How long steps of sagas take in this process, from their start to their commit. */
export interface StepLatency extends Disposable {
  percentilesMs(): { readonly p50: number; readonly p95: number; readonly p99: number };
}

/** Listens to the kit's telemetry until disposed. Microseconds inside, so that short steps are told apart. */
export function openStepLatency(): StepLatency {
  const steps = createHistogram();
  const listening = subscribe("ashlar.saga.step", ({ outcome, durationMs }) => {
    if (outcome === "done") steps.record(Math.max(1, Math.round(durationMs * 1_000)));
  });
  const percentile = (part: number): number => (steps.count === 0 ? 0 : steps.percentile(part) / 1_000);
  return {
    percentilesMs: () => ({ p50: percentile(50), p95: percentile(95), p99: percentile(99) }),
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  };
}
