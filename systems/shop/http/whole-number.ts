import { z } from "zod";

/** A whole number in a query, in decimal digits: documented as the number that it is, not as the text that it comes in. */
export function wholeNumber(range: {
  readonly min: number;
  readonly max: number;
  readonly byDefault: number;
}): z.ZodType<number, string | undefined> {
  const { min, max, byDefault } = range;
  return z
    .string()
    .regex(/^\d{1,9}$/, { error: "a whole number is expected" })
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .default(byDefault)
    .meta({ type: "integer", minimum: min, maximum: max, byDefault });
}
