import { integerIn, textOf } from "../errors/mod.ts";
import type { StandardSchema } from "../schema/mod.ts";

/** Work that a service takes in durably and does later. Made by {@link queue}. */
export interface ContractQueue<I extends StandardSchema = StandardSchema> {
  readonly kind: "queue";
  readonly summary: string | undefined;
  readonly input: I;
  /** Field of the input: jobs with the same value are handled in order, one at a time, also across retries. */
  readonly key: string | undefined;
  /** Attempts before a job is a dead letter, 1 to 1,000. Default 10. */
  readonly attemptsMax: number;
}

/** Options of {@link queue}. */
export interface ContractQueueOptions<I extends StandardSchema> {
  readonly summary?: string;
  readonly input: I;
  readonly key?: string;
  readonly attemptsMax?: number;
}

/** Declares a queue. Throws {@link ConfigError}. Pure. */
export function queue<I extends StandardSchema>(options: ContractQueueOptions<I>): ContractQueue<I> {
  const { input, key, summary, attemptsMax = 10 } = options;
  return Object.freeze({
    kind: "queue",
    summary: summary === undefined ? undefined : textOf("summary", summary, { lengthMax: 500 }),
    input,
    key: key === undefined ? undefined : textOf("key", key),
    attemptsMax: integerIn("attemptsMax", attemptsMax, { min: 1, max: 1_000 }),
  });
}
