import { integerIn, textOf } from "../errors/mod.ts";
import type { StandardSchema } from "../schema/mod.ts";

const deadlineDefaultMs = 10_000;

/** Work that a service takes in durably and does later. Made by {@link queue}. */
export interface ContractQueue<
  I extends StandardSchema = StandardSchema,
  O extends StandardSchema | undefined = StandardSchema | undefined,
> {
  readonly kind: "queue";
  readonly summary: string | undefined;
  readonly input: I;
  /** What a job is answered with; undefined when nobody waits for an answer. */
  readonly output: O;
  /** How long who asked waits for the answer, in milliseconds. */
  readonly deadlineMs: number;
  /** Field of the input: jobs with the same value are handled in order, one at a time, also across retries. */
  readonly key: string | undefined;
  /** Attempts before a job is a dead letter, 1 to 1,000. Default 10. */
  readonly attemptsMax: number;
}

/** Options of {@link queue}. */
export interface ContractQueueOptions<I extends StandardSchema, O extends StandardSchema | undefined> {
  readonly summary?: string;
  readonly input: I;
  /** Makes it request-reply: a client gets what the handler returned, whichever process it ran in. The job is done also when nobody waits any more, and
   *  who asks again with the same key within a day gets the answer of the same job, while it is kept. */
  readonly output?: O;
  /** Longest wait for an answer, 1 ms to an hour; callers may only tighten it. Default 10 seconds. */
  readonly deadlineMs?: number;
  readonly key?: string;
  readonly attemptsMax?: number;
}

/** Declares a queue. Throws {@link ConfigError}. Pure. */
export function queue<I extends StandardSchema, O extends StandardSchema | undefined = undefined>(
  options: ContractQueueOptions<I, O>,
): ContractQueue<I, O> {
  const { input, output, key, summary, attemptsMax = 10, deadlineMs = deadlineDefaultMs } = options;
  return Object.freeze({
    kind: "queue",
    summary: summary === undefined ? undefined : textOf("summary", summary, { lengthMax: 500 }),
    input,
    // Absent is undefined, which is what O is then.
    output: output as O,
    deadlineMs: integerIn("deadlineMs", deadlineMs, { min: 1, max: 3_600_000 }),
    key: key === undefined ? undefined : textOf("key", key),
    attemptsMax: integerIn("attemptsMax", attemptsMax, { min: 1, max: 1_000 }),
  });
}
