import { createHistogram } from "node:perf_hooks";
import { subscribe } from "ashlar/telemetry";

/** What a replay measures while it runs. */
export interface Measurements extends Disposable {
  /** Of the steps of sagas that were done, from their start to their commit. */
  stepLatencyMs(): { readonly p50: number; readonly p95: number; readonly p99: number };
  /** Time spent in transactions of the engine, in seconds, and how many there were. */
  commits(): { readonly seconds: number; readonly count: number };
}

/** Listens to the kit's telemetry until disposed. Microseconds inside, so that short steps are told apart. */
export function openMeasurements(): Measurements {
  const steps = createHistogram();
  const commits = { seconds: 0, count: 0 };
  const listening = new DisposableStack();
  listening.use(
    subscribe("ashlar.saga.step", ({ outcome, durationMs }) => {
      if (outcome === "done") steps.record(Math.max(1, Math.round(durationMs * 1_000)));
    }),
  );
  listening.use(
    subscribe("ashlar.engine.commit", ({ durationMs }) => {
      commits.seconds += durationMs / 1_000;
      commits.count += 1;
    }),
  );
  const percentile = (part: number): number => (steps.count === 0 ? 0 : steps.percentile(part) / 1_000);
  return {
    stepLatencyMs: () => ({ p50: percentile(50), p95: percentile(95), p99: percentile(99) }),
    commits: () => ({ ...commits }),
    [Symbol.dispose]: () => listening.dispose(),
  };
}
