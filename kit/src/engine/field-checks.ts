import { ChangeError } from "./errors.ts";
import { durationMsMax, nameLengthMax } from "./limits.ts";

/** What a field of a change must be; each throws {@link ChangeError} that names the change and the field. */
export interface FieldChecks {
  name(field: string, value: unknown): void;
  optionalName(field: string, value: unknown): void;
  integer(field: string, value: unknown, range: { readonly min: number; readonly max?: number }): void;
  optionalInteger(field: string, value: unknown, range: { readonly min: number; readonly max?: number }): void;
  duration(field: string, value: unknown, minMs: number): void;
  /** Well-formed Unicode of at most `payloadBytesMax`;  a lone surrogate would come back changed from a store that keeps UTF-8. */
  text(field: string, value: unknown): void;
  oneOf(field: string, value: unknown, choices: readonly string[]): void;
  fail(field: string, complaint: string): never;
}

/** The checks for the change at that index of its commit. */
export function fieldChecks(index: number, payloadBytesMax: number): FieldChecks {
  return new ChangeFields(index, payloadBytesMax);
}

class ChangeFields implements FieldChecks {
  readonly #index: number;
  readonly #bytesMax: number;

  constructor(index: number, bytesMax: number) {
    this.#index = index;
    this.#bytesMax = bytesMax;
  }

  fail(field: string, complaint: string): never {
    throw new ChangeError(`change ${this.#index}: ${field} ${complaint}`);
  }

  name(field: string, value: unknown): void {
    if (typeof value !== "string" || value.length === 0 || value.length > nameLengthMax || !value.isWellFormed())
      this.fail(field, `must be a well-formed text of 1 to ${nameLengthMax} characters`);
  }

  optionalName(field: string, value: unknown): void {
    if (value !== undefined) this.name(field, value);
  }

  integer(field: string, value: unknown, range: { readonly min: number; readonly max?: number }): void {
    const { min, max = Number.MAX_SAFE_INTEGER } = range;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max)
      this.fail(field, `must be an integer from ${min} to ${max}`);
  }

  optionalInteger(field: string, value: unknown, range: { readonly min: number; readonly max?: number }): void {
    if (value !== undefined) this.integer(field, value, range);
  }

  duration(field: string, value: unknown, minMs: number): void {
    this.integer(field, value, { min: minMs, max: durationMsMax });
  }

  text(field: string, value: unknown): void {
    if (typeof value !== "string" || !value.isWellFormed()) this.fail(field, "must be a well-formed text");
    // A UTF-16 unit takes at most three bytes: most texts need no count.
    if (value.length * 3 <= this.#bytesMax) return;
    const bytes = Buffer.byteLength(value);
    if (bytes > this.#bytesMax) this.fail(field, `has ${bytes} bytes, the limit is ${this.#bytesMax}`);
  }

  oneOf(field: string, value: unknown, choices: readonly string[]): void {
    if (typeof value !== "string" || !choices.includes(value)) this.fail(field, `must be one of ${choices.join(", ")}`);
  }
}
