import { ConfigError } from "./errors.ts";

/** Inclusive bounds; a missing one does not bind. */
export type Range = { readonly min?: number; readonly max?: number };

/** `value` when it is a safe integer within the range, else throws {@link ConfigError}. */
export function integerIn(option: string, value: unknown, range: Range): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && isWithin(value, range)) return value;
  throw new ConfigError(option, value, `an integer ${rangeText(range)}`.trim());
}

/** `value` when it is a finite number within the range, else throws {@link ConfigError}. */
export function numberIn(option: string, value: unknown, range: Range): number {
  if (typeof value === "number" && Number.isFinite(value) && isWithin(value, range)) return value;
  throw new ConfigError(option, value, `a number ${rangeText(range)}`.trim());
}

/** `value` when it is one of `choices`, else throws {@link ConfigError} that lists them. */
export function oneOf<const T extends string>(option: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new ConfigError(option, value, `one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`);
}

/** `value` when it is a text of 1 to `lengthMax` (default 255) UTF-16 code units, else throws {@link ConfigError}. */
export function textOf(option: string, value: unknown, limits: { readonly lengthMax?: number } = {}): string {
  const { lengthMax = 255 } = limits;
  if (typeof value === "string" && value.length > 0 && value.length <= lengthMax) return value;
  throw new ConfigError(option, value, `a text of 1 to ${lengthMax} characters`);
}

function isWithin(value: number, { min = -Infinity, max = Infinity }: Range): boolean {
  return value >= min && value <= max;
}

function rangeText({ min, max }: Range): string {
  if (min !== undefined && max !== undefined) return `from ${min} to ${max}`;
  if (min !== undefined) return `of ${min} or more`;
  return max === undefined ? "" : `of ${max} or less`;
}
