import { checkJson } from "./json-check.ts";

/**
 * The one JSON text of a value: keys in order of their UTF-16 code units, no spaces; equal values give equal texts, whatever the
 * order in which their fields were written. Refuses what jsonCodec refuses, with EncodeError, and a top-level undefined too.
 * Source: RFC 8785, except that lone surrogates are escaped rather than refused.
 */
export function canonicalJson(value: unknown): string {
  checkJson(value);
  return textOf(value);
}

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(",")}]`;
  const fields = value as Readonly<Record<string, unknown>>;
  const parts: string[] = [];
  for (const key of sortedByUnits(Object.keys(fields))) {
    if (fields[key] !== undefined) parts.push(`${JSON.stringify(key)}:${textOf(fields[key])}`);
  }
  return `{${parts.join(",")}}`;
}

function sortedByUnits(keys: readonly string[]): string[] {
  return keys.toSorted((left, right) => (left < right ? -1 : 1)); // keys of one object are never equal
}
