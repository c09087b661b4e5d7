/** What stands for a secret wherever it would be printed. */
export const secretMask = "[secret]";

/**
 * A value that does not print itself: not in a template, in JSON, in `console.log`, nor in the message of an error. Whoever
 * needs it calls `reveal`, which is easy to find in a review.
 */
export interface Secret<T> {
  reveal(): T;
  toString(): string;
  toJSON(): string;
}

/** Wraps a value so that it does not print itself. */
export function secret<T>(value: T): Secret<T> {
  return new HiddenValue(value);
}

class HiddenValue<T> implements Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
    Object.freeze(this);
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return secretMask;
  }

  toJSON(): string {
    return secretMask;
  }

  [Symbol.toPrimitive](): string {
    return secretMask;
  }

  // What util.inspect, and with it console.log, asks for; the registered symbol needs no import.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return secretMask;
  }
}
