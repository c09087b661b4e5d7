import type { JsonSchema } from "../schema/mod.ts";

/** The schema that a reference stands for; itself where it is none. */
export function resolved(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const reference = schema["$ref"];
  if (typeof reference !== "string") return schema;
  if (reference === "#") return root;
  let found: unknown = root;
  for (const step of reference.replace(/^#\//, "").split("/")) found = schemaOf(found)?.[step];
  return schemaOf(found) ?? {};
}

/** The values of an enumeration or a constant. */
export function valuesOf(schema: JsonSchema): readonly unknown[] | undefined {
  if (Object.hasOwn(schema, "const")) return [schema["const"]];
  return Array.isArray(schema["enum"]) ? schema["enum"] : undefined;
}

/** The types that a schema names. */
export function typesOf({ type }: JsonSchema): readonly string[] | undefined {
  if (typeof type === "string") return [type];
  return Array.isArray(type) ? (type as string[]) : undefined;
}

/** The texts under a keyword. */
export function namesOf(schema: JsonSchema, keyword: string): readonly string[] {
  const names = schema[keyword];
  return Array.isArray(names) ? (names as string[]) : [];
}

/** The schemas under a keyword. */
export function listOf(schema: JsonSchema, keyword: string): readonly JsonSchema[] | undefined {
  const list = schema[keyword];
  return Array.isArray(list) ? (list as JsonSchema[]) : undefined;
}

/** Places of an array that have a schema of their own. */
export function placesOf(schema: JsonSchema): number {
  return listOf(schema, "prefixItems")?.length ?? 0;
}

/** What stands at a place of an array; none where it ends before. */
export function itemsAt(schema: JsonSchema, place: number): JsonSchema | "none" {
  const own = listOf(schema, "prefixItems")?.[place];
  if (own !== undefined) return own;
  const { items, maxItems } = schema;
  if (items === false || (typeof maxItems === "number" && place >= maxItems)) return "none";
  return schemaOf(items) ?? anything;
}

// One value, so that it is compared once.
const anything: JsonSchema = {};

/** The value where it is a schema, and not a truth value or absent. */
export function schemaOf(value: unknown): JsonSchema | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonSchema) : undefined;
}

/** A keyword's value for people. */
export function shown(value: unknown): string {
  if (value === undefined) return "absent";
  return typeof value === "string" ? value : JSON.stringify(value);
}
