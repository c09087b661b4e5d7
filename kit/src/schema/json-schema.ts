import { UnsupportedError } from "../errors/mod.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** A JSON Schema document of draft 2020-12, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Which side of a schema to describe. */
export interface JsonSchemaOptions {
  /** "input" describes what may arrive, "output" what validation makes of it (defaults filled, values transformed). Default "input". */
  readonly direction?: "input" | "output";
}

/**
 * The schema as JSON Schema, draft 2020-12, by the library's own conversion. Throws {@link UnsupportedError} when the library
 * has none, or says that this schema cannot be described (its reason is the cause).
 */
export function jsonSchema(schema: StandardSchema, options: JsonSchemaOptions = {}): JsonSchema {
  const { direction = "input" } = options;
  const { vendor, jsonSchema: converter } = schema["~standard"];
  if (converter === undefined) {
    throw new UnsupportedError(
      "JSON Schema",
      vendor,
      "use a version with the Standard JSON Schema extension, such as zod 4.2 or later",
    );
  }
  try {
    return converter[direction]({ target: "draft-2020-12" });
  } catch (error) {
    const advice = "describe the value with types that exist in JSON, or take the other direction of a transformation";
    const refusal = new UnsupportedError(`JSON Schema for the ${direction} of this schema`, vendor, advice);
    refusal.cause = error;
    throw refusal;
  }
}
