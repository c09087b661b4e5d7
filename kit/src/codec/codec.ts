import { KitError } from "../errors/mod.ts";

/** A value as text and back: `decode(encode(value))` equals `value`, or `encode` throws. */
export interface Codec<T> {
  encode(value: T): string;
  decode(text: string): T;
}

/** A value cannot be written without changing it. `path` names the place, for example `items[0].price`; "" is the whole. */
export class EncodeError extends KitError {
  readonly code = "ENCODE";
  readonly retryable = false;
  readonly path: string;

  constructor(path: string, problem: string, options?: { readonly cause?: unknown }) {
    super(`cannot encode ${path === "" ? "the value" : path}: ${problem}`, options);
    this.path = path;
  }
}

/** A text is not what the codec writes. */
export class DecodeError extends KitError {
  readonly code = "DECODE";
  readonly retryable = false;
}
