import { WireProtocolError } from "./errors.ts";

/** A number of a frame that counts something: an integer, 0 or more. */
export function countOf(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new WireProtocolError("a frame without its number");
}

/** A time of a frame in milliseconds. */
export function timeOf(value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new WireProtocolError("a frame without its time");
}

/** A text of a frame. */
export function nameOf(value: unknown): string {
  if (typeof value === "string" && value.length <= 1_024) return value;
  throw new WireProtocolError("a frame without its name");
}
