import { ConfigError, integerIn, textOf } from "../errors/mod.ts";
import type { ClaimRequest, ReadRequest, StreamRequest } from "./engine.ts";
import { durationMsMax, nameLengthMax } from "./limits.ts";

const name = { lengthMax: nameLengthMax };
// A page larger than this holds up every other caller of the process.
const pageMax = 100_000;

/** Throws {@link ConfigError} when a claim asks for what cannot be. */
export function validateClaim(request: ClaimRequest): void {
  textOf("queue", request.queue, name);
  integerIn("count", request.count, { min: 1, max: pageMax });
  validateLease(request.leaseMs);
  if (request.suspects !== undefined) integerIn("suspects", request.suspects, { min: 0 });
  if (request.crashesMax !== undefined) integerIn("crashesMax", request.crashesMax, { min: 1 });
}

/** Throws {@link ConfigError} unless `leaseMs` is from 1 ms to 100 years. */
export function validateLease(leaseMs: number): void {
  integerIn("leaseMs", leaseMs, { min: 1, max: durationMsMax });
}

/** Throws {@link ConfigError} when a read asks for what cannot be. */
export function validateRead(request: ReadRequest): void {
  textOf("log", request.log, name);
  integerIn("after", request.after, { min: 0 });
  integerIn("limit", request.limit, { min: 1, max: pageMax });
  const { partition } = request;
  if (partition === undefined) return;
  integerIn("partition.count", partition.count, { min: 1 });
  integerIn("partition.index", partition.index, { min: 0, max: partition.count - 1 });
}

/** Throws {@link ConfigError} when a read of a stream asks for what cannot be. */
export function validateStream(request: StreamRequest): void {
  textOf("log", request.log, name);
  textOf("stream", request.stream, name);
  integerIn("after", request.after, { min: 0 });
  integerIn("limit", request.limit, { min: 1, max: pageMax });
}

/** The id of a message as a number; `undefined` when the text is no id of this form. */
export function messageNumber(id: string): number | undefined {
  const value = Number(id);
  return Number.isSafeInteger(value) && value > 0 && String(value) === id ? value : undefined;
}

/** How many rows a scan yields at most. Without a limit all of them: a scan that stopped early would look like one that came to its end.
 *  Throws {@link ConfigError} unless a limit is an integer of 1 or more. */
export function scanLimit(limit: number | undefined): number {
  if (limit === undefined) return Number.MAX_SAFE_INTEGER;
  if (!Number.isSafeInteger(limit) || limit < 1) throw new ConfigError("limit", limit, "an integer of 1 or more");
  return limit;
}
