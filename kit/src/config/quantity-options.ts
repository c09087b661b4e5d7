import { boundsOf, boundsText, type NumberOptionSettings } from "./number-options.ts";
import { makeOption, type Option, type Parsed } from "./option.ts";
import { byteUnits, durationUnits, quantityOf, quantityText, type Units } from "./quantity.ts";

/** Milliseconds, written with units: `250ms`, `5s`, `1h30m`. `min`, `max` and `default` are milliseconds. A bare number is refused. */
export function durationOption(settings: NumberOptionSettings): Option<number> {
  return quantity(settings, { kind: "duration", noun: "a duration such as 250ms, 5s or 1h30m", units: durationUnits });
}

/** Bytes, written with units: `512B`, `64KB` (1,000 each), `64MiB` (1,024 each). `min`, `max` and `default` are bytes. */
export function bytesOption(settings: NumberOptionSettings): Option<number> {
  return quantity(settings, { kind: "bytes", noun: "a size such as 512B, 64KB or 64MiB", units: byteUnits });
}

interface Measure {
  readonly kind: string;
  readonly noun: string;
  readonly units: Units;
}

function quantity(settings: NumberOptionSettings, { kind, noun, units }: Measure): Option<number> {
  const { min = 0, max } = settings;
  const within = boundsOf({ min, max });
  const show = (value: number): string => quantityText(value, units);
  const bounds = boundsText({ min: settings.min, max }, show);
  const expected = bounds === "" ? noun : `${noun},${bounds}`;
  const parse = (text: string): Parsed<number> => {
    const value = quantityOf(text, units);
    return value !== undefined && within(value) ? { ok: true, value } : { ok: false, expected };
  };
  return makeOption(settings, { kind, expected, parse, show });
}
