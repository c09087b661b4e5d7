import { ConfigError } from "ashlar/errors";

/** A price in hundredths of a minor unit (four decimals of the currency), so that it is exact as an integer. */
export type Price = number;

/** An amount in minor units (pence), a safe integer. */
export type Minor = number;

const pricePattern = /^(-?)(\d{1,12})(?:\.(\d{1,4}))?$/;
/** Hundredths of a minor unit in one minor unit. */
const fractions = 100;

/** The exact value of a decimal text with at most four decimals; `undefined` for anything else, and beyond safe integers. */
export function parsePrice(text: string): Price | undefined {
  const match = pricePattern.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", decimals = ""] = match;
  const value = Number(whole) * 10_000 + Number(decimals.padEnd(4, "0"));
  if (!Number.isSafeInteger(value)) return undefined;
  return sign === "-" && value !== 0 ? -value : value;
}

/** Quantity times price in minor units; `undefined` when it is not a whole number of them or leaves the safe integers. */
export function lineTotal(quantity: number, price: Price): Minor | undefined {
  const exact = quantity * price;
  if (!Number.isSafeInteger(exact) || exact % fractions !== 0) return undefined;
  return exact / fractions + 0;
}

/** The sum of amounts. Throws {@link ConfigError} when it leaves the safe integers: money is never rounded. */
export function sumMinor(amounts: Iterable<Minor>): Minor {
  let sum = 0;
  for (const amount of amounts) sum += amount;
  if (!Number.isSafeInteger(sum)) throw new ConfigError("amounts", sum, "a sum within the safe integers");
  return sum;
}

/** The part of `totalMinor` that belongs to `taken` of `quantity` units, rounded down; all of it for all units, so that parts taken
 *  one after another (each from what is left) add up to the whole. Exact beyond the safe integers of the product. */
export function shareOf(totalMinor: Minor, taken: number, quantity: number): Minor {
  if (taken >= quantity) return totalMinor;
  return Number((BigInt(totalMinor) * BigInt(taken)) / BigInt(quantity));
}

/** An amount for people: `1234567` is `12,345.67`. */
export function formatMinor(amount: Minor): string {
  const digits = Math.abs(amount).toString().padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${amount < 0 ? "-" : ""}${whole}.${digits.slice(-2)}`;
}
