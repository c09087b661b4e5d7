import { type Codec, jsonCodec } from "../codec/mod.ts";
import { integerIn, oneOf, textOf } from "../errors/mod.ts";
import type { Durability } from "../engine/mod.ts";
import type { StandardSchema } from "../schema/mod.ts";
import { type RetryPlan, retryPlan } from "./retry-plan.ts";

/** The rules of a queue. All are checked when it is defined. */
export interface QueueOptions<T> {
  /** Checks every input before it is stored; a transforming schema must accept its own output. Default: no check. */
  readonly input?: StandardSchema<unknown, T> | undefined;
  /** How an input is stored. Default JSON, refusing what JSON would change silently. */
  readonly codec?: Codec<T> | undefined;
  /** Default: 8 attempts, from 1 s doubling to 10 min, full jitter. */
  readonly retry?: RetryPlan | undefined;
  /** Lane of jobs that name none, 0 (first) to 9. Default 0. */
  readonly lane?: number | undefined;
  /** Jobs of one key run in the order they were added, across retries. `undefined`: no order. */
  readonly key?: ((input: T) => string | undefined) | undefined;
  /** Jobs of one key that may run at once, 1 to 1000. Default 1, which alone keeps their order. */
  readonly keyConcurrency?: number | undefined;
  /** Unfinished jobs the queue takes before it refuses, 1 to 1e9. Default 100,000. */
  readonly depthMax?: number | undefined;
  /** How long a silent worker keeps a job, 1 s to 1 h. Default 30 s. Living workers renew it, so it bounds take-over, not run time. */
  readonly leaseMs?: number | undefined;
  /** How often a job may take its worker down before it is a dead letter, 1 to 100. Default 5. */
  readonly crashesMax?: number | undefined;
  /** Weakest durability the queue accepts. Default `memory`: any. */
  readonly requires?: Durability | undefined;
}

/** A queue as a plain value: what it carries and its rules. Any number of processes may open it by {@link openQueue}. */
export interface QueueDefinition<T, Reply = unknown> {
  readonly name: string;
  readonly input: StandardSchema<unknown, T> | undefined;
  readonly codec: Codec<T>;
  readonly retry: RetryPlan;
  readonly lane: number;
  readonly keyConcurrency: number;
  readonly depthMax: number;
  readonly leaseMs: number;
  readonly crashesMax: number;
  readonly requires: Durability;
  keyOf(input: T): string | undefined;
  /** Only a type: what handlers answer to `ask`. */
  readonly reply?: Reply;
}

const defaultRetry = retryPlan({ attemptsMax: 8, firstMs: 1_000, capMs: 600_000 });
const durabilities = ["memory", "process", "disk", "replicated"] as const;

/** Defines a queue. `name`: 1 to 255 characters. Throws {@link ConfigError} that names the option. Touches nothing. */
export function queue<T, Reply = unknown>(name: string, options: QueueOptions<T> = {}): QueueDefinition<T, Reply> {
  const { key } = options;
  return {
    name: textOf("name", name, { lengthMax: 255 }),
    input: options.input,
    codec: options.codec ?? jsonCodec<T>(),
    retry: options.retry ?? defaultRetry,
    lane: integerIn("lane", options.lane ?? 0, { min: 0, max: 9 }),
    keyConcurrency: integerIn("keyConcurrency", options.keyConcurrency ?? 1, { min: 1, max: 1_000 }),
    depthMax: integerIn("depthMax", options.depthMax ?? 100_000, { min: 1, max: 1_000_000_000 }),
    leaseMs: integerIn("leaseMs", options.leaseMs ?? 30_000, { min: 1_000, max: 3_600_000 }),
    crashesMax: integerIn("crashesMax", options.crashesMax ?? 5, { min: 1, max: 100 }),
    requires: oneOf("requires", options.requires ?? "memory", durabilities),
    keyOf: key ?? noKey,
  };
}

function noKey(): undefined {
  return undefined;
}
