import { integerIn, oneOf, textOf } from "../errors/mod.ts";
import type { StandardSchema } from "../schema/mod.ts";

/** A refusal that a call declares: expected, typed on both sides, part of the contract. Made by {@link failure}. */
export interface Failure<D extends StandardSchema = StandardSchema> {
  readonly data: D;
  readonly title: string;
  /** Status over HTTP. */
  readonly status: number;
  /** Whether the same call may succeed later. */
  readonly retry: "can help" | "is useless";
}

/** The declared errors of a call, by name. */
export type Failures = Readonly<Record<string, Failure>>;
/** The same, where only the names and the schemas matter. */
export type AnyFailures = Readonly<Record<string, { readonly data: StandardSchema }>>;

/** Options of {@link failure}. */
export interface FailureOptions<D extends StandardSchema> {
  /** What happened, in one phrase. */
  readonly title: string;
  /** Facts for the caller to act on. */
  readonly data: D;
  /** 400 to 499, or 503. Default 409. */
  readonly status?: number;
  /** Default "is useless". */
  readonly retry?: "can help" | "is useless";
}

/** Declares a refusal. Throws {@link ConfigError} for a status that says something else than "refused". */
export function failure<D extends StandardSchema>(options: FailureOptions<D>): Failure<D> {
  const { data, status = 409, retry = "is useless" } = options;
  if (status !== 503) integerIn("status", status, { min: 400, max: 499 });
  const title = textOf("title", options.title);
  return Object.freeze({ data, title, status, retry: oneOf("retry", retry, ["can help", "is useless"]) });
}
