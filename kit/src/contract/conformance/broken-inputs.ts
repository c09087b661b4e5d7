import { jsonSchema, type JsonSchema, type StandardSchema, validateSync } from "../../schema/mod.ts";

/** An input that does not fit, and what was done to it. */
export interface BrokenInput {
  readonly name: string;
  readonly input: unknown;
}

/** Changes a good input in one place at a time, so that it no longer fits its schema: a required field is left out, a value has another type. */
export function brokenInputs(schema: StandardSchema, good: unknown): readonly BrokenInput[] {
  const candidates = [
    { name: "a text for the whole", input: "?" },
    { name: "nothing at all", input: null },
    ...brokenFields(jsonSchema(schema), good),
  ];
  // A schema may be wider than its description says; only what it really refuses is used.
  return candidates.filter(({ input }) => !validateSync(schema, input).ok);
}

function brokenFields(schema: JsonSchema, good: unknown): readonly BrokenInput[] {
  if (typeof good !== "object" || good === null || Array.isArray(good)) return [];
  const fields = good as Readonly<Record<string, unknown>>;
  const required = Array.isArray(schema["required"]) ? (schema["required"] as readonly string[]) : [];
  const missing = required.map((name) => ({ name: `${name} is missing`, input: without(fields, name) }));
  const wrong = Object.keys(fields).flatMap((name) =>
    [{ odd: true }, -0.5].map((value) => ({
      name: `${name} is ${JSON.stringify(value)}`,
      input: { ...fields, [name]: value },
    })),
  );
  return [...missing, ...wrong];
}

function without(fields: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name));
}
