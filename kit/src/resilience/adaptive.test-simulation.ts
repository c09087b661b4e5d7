// One server of ten workers and exponential work of 10 ms (1,000 a second), a queue in front of it, callers who come whatever happens and give up
// after 200 ms while the server still works for them. Four phases of 30 s. The limit stands in front and is told of every end. All on a manual clock's
// terms: time is a number here, chance is seeded.
import { indexedHeap } from "../collections/mod.ts";
import { seededRandom } from "../random/mod.ts";
import type { LimitAlgorithm } from "./limit-algorithm.ts";

const workers = 10;
const serviceMs = 10;
const patienceMs = 200;
const phaseMs = 30_000;
const phases = [
  { load: 0.7, slowness: 1 },
  { load: 2, slowness: 1 },
  { load: 0.7, slowness: 1 },
  { load: 0.7, slowness: 3 },
] as const;

/** What came out of a phase, a second. */
export interface PhaseResult {
  /** Answers in time. */
  readonly goodput: number;
  readonly p99Ms: number;
  readonly meanLimit: number;
}

interface Job {
  readonly atMs: number;
  readonly phase: number;
  readonly inFlight: number;
}

/** calm (0.7 of what it bears), overload (2), calm again, service 3x slower. */
export function simulateLimit(limiter: LimitAlgorithm, seed: string): PhaseResult[] {
  const random = seededRandom(seed);
  const draw = (meanMs: number): number => -Math.log(1 - random.next()) * meanMs;
  const events = indexedHeap<{ readonly atMs: number; readonly run: () => void }>(
    (left, right) => left.atMs - right.atMs,
  );
  const found = phases.map(() => ({ good: 0, latencies: [] as number[], limits: [] as number[] }));
  const queue: Job[] = [];
  let [nowMs, busy, inFlight, head] = [0, 0, 0, 0];
  const phaseNow = (): number => Math.min(phases.length - 1, Math.floor(nowMs / phaseMs));
  const start = (job: Job): void => {
    busy++;
    const slowness = phases[phaseNow()]?.slowness ?? 1;
    events.push({ atMs: nowMs + draw(serviceMs * slowness), run: () => finish(job) });
  };
  const finish = (job: Job): void => {
    busy--;
    inFlight--;
    const latencyMs = nowMs - job.atMs;
    limiter.sample({ nowMs, latencyMs, inFlight: job.inFlight, isDropped: latencyMs > patienceMs });
    const phase = found[job.phase];
    phase?.latencies.push(latencyMs);
    if (phase !== undefined && latencyMs <= patienceMs) phase.good++;
    const next = queue[head];
    if (next === undefined) return;
    head++;
    start(next);
  };
  const arrive = (): void => {
    const phase = phaseNow();
    found[phase]?.limits.push(limiter.limit);
    if (inFlight < Math.floor(limiter.limit)) {
      const job = { atMs: nowMs, phase, inFlight: ++inFlight };
      if (busy < workers) start(job);
      else queue.push(job);
    }
    const atMs = nowMs + draw(serviceMs / workers / (phases[phase]?.load ?? 1));
    if (atMs < phaseMs * phases.length) events.push({ atMs, run: arrive });
  };
  events.push({ atMs: 0, run: arrive });
  for (let event = events.pop(); event !== undefined; event = events.pop()) {
    nowMs = event.atMs;
    event.run();
  }
  return found.map(({ good, latencies, limits }) => {
    latencies.sort((left, right) => left - right);
    return {
      goodput: good / (phaseMs / 1_000),
      p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
      meanLimit: limits.reduce((sum, limit) => sum + limit, 0) / limits.length,
    };
  });
}
