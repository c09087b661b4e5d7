import { ConfigError } from "../errors/mod.ts";
import { makeOption, type Option, type OptionPlace, type Parsed } from "./option.ts";

/** Where a number is read, and its inclusive bounds. */
export interface NumberOptionSettings extends OptionPlace<number> {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A safe integer from `min` to `max`, written in decimal digits. */
export function intOption(settings: NumberOptionSettings): Option<number> {
  return numeric(settings, { kind: "integer", noun: "an integer", pattern: /^[+-]?\d{1,16}$/ });
}

/** A finite number from `min` to `max`, in decimal or scientific notation. */
export function numberOption(settings: NumberOptionSettings): Option<number> {
  const pattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i;
  return numeric(settings, { kind: "number", noun: "a number", pattern });
}

interface Notation {
  readonly kind: string;
  readonly noun: string;
  readonly pattern: RegExp;
}

function numeric(settings: NumberOptionSettings, { kind, noun, pattern }: Notation): Option<number> {
  const within = boundsOf(settings);
  const expected = `${noun}${boundsText(settings, String)}`;
  const parse = (text: string): Parsed<number> => {
    const value = Number(text.trim());
    const isNumber = pattern.test(text.trim()) && (kind === "number" || Number.isSafeInteger(value));
    return isNumber && Number.isFinite(value) && within(value) ? { ok: true, value } : { ok: false, expected };
  };
  return makeOption(settings, { kind, expected, parse, show: String });
}

/** A test for the inclusive bounds; throws {@link ConfigError} when they exclude each other or are not numbers. */
export function boundsOf(bounds: Pick<NumberOptionSettings, "min" | "max">): (value: number) => boolean {
  const { min = -Infinity, max = Infinity } = bounds;
  if (Number.isNaN(min)) throw new ConfigError("min", min, "a number");
  if (!(max >= min)) throw new ConfigError("max", max, `a number of ${min} or more`);
  return (value) => value >= min && value <= max;
}

/** The bounds in words, each number as `show` writes it. */
export function boundsText(
  { min, max }: Pick<NumberOptionSettings, "min" | "max">,
  show: (value: number) => string,
): string {
  if (min !== undefined && max !== undefined) return ` from ${show(min)} to ${show(max)}`;
  if (min !== undefined) return ` of ${show(min)} or more`;
  return max === undefined ? "" : ` of ${show(max)} or less`;
}
