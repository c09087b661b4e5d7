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
  /** The fields checked from here on belong to that change of the list. */
  ofChange(index: number): void;
  /** The fields checked from here on belong to that item of a list within the change, until the next change or item. */
  ofItem(list: "messages" | "events", at: number): void;
  fail(field: string, complaint: string): never;
}

/** The checks for the changes of one commit. */
export function fieldChecks(payloadBytesMax: number): FieldChecks {
  return new ChangeFields(payloadBytesMax);
}

class ChangeFields implements FieldChecks {
  readonly #bytesMax: number;
  // Where a field lies is put into words only when it is wrong: every commit of every caller comes through here.
  #index = 0;
  #list: "messages" | "events" | undefined;
  #at = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  ofChange(index: number): void {
    this.#index = index;
    this.#list = undefined;
  }

  ofItem(list: "messages" | "events", at: number): void {
    this.#list = list;
    this.#at = at;
  }

  fail(field: string, complaint: string): never {
    const item = this.#list === undefined ? "" : `${this.#list}[${this.#at}].`;
    throw new ChangeError(`change ${this.#index}: ${item}${field} ${complaint}`);
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
