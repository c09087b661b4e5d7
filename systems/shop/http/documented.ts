import { z } from "zod";

/** Schemas that have a name in the OpenAPI document. */
export const namedSchemas: z.core.$ZodRegistry<{ readonly id: string }> = z.registry<{ readonly id: string }>();

/** How a parameter is documented where its schema, which takes the text of a query, says less than a reader wants to know. */
export const parameterShapes: z.core.$ZodRegistry<Readonly<Record<string, unknown>>> =
  z.registry<Readonly<Record<string, unknown>>>();

/** Gives a schema its name in the document. */
export function named<S extends z.ZodType>(id: string, schema: S): S {
  namedSchemas.add(schema, { id });
  return schema;
}

/** A whole number in a query, in decimal digits. */
export function wholeNumber(range: { readonly min: number; readonly max: number }): z.ZodType<number> {
  const { min, max } = range;
  const schema = z
    .string()
    .regex(/^\d{1,9}$/, { error: "a whole number is expected" })
    .transform(Number)
    .pipe(z.number().min(min).max(max));
  parameterShapes.add(schema, { type: "integer", minimum: min, maximum: max });
  return schema;
}
