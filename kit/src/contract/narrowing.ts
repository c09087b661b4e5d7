import type { JsonSchema } from "../schema/mod.ts";

/** A value that fits `from` and not `to`, as words; `path` says where. */
export interface Narrowing {
  readonly path: string;
  readonly reason: string;
}

/** What fields that a schema does not name mean: "dropped" by who reads them, or "refused" where the schema says so. */
export type UnknownFields = "dropped" | "refused";

const depthMax = 64;

/**
 * Where values that fit `from` may not fit `to`; empty when every value of `from` fits. Knows types, enumerations, objects, arrays, unions,
 * references and the bounds of numbers and texts; a pattern or another keyword that differs counts as a narrowing, because nobody can tell.
 */
export function narrowings(from: JsonSchema, to: JsonSchema, unknownFields: UnknownFields): readonly Narrowing[] {
  return new Comparison(from, to, unknownFields).compare({ from, to, path: "", depth: 0 });
}

interface Pair {
  readonly from: JsonSchema;
  readonly to: JsonSchema;
  readonly path: string;
  readonly depth: number;
}

class Comparison {
  readonly #fromRoot: JsonSchema;
  readonly #toRoot: JsonSchema;
  readonly #unknownFields: UnknownFields;

  constructor(fromRoot: JsonSchema, toRoot: JsonSchema, unknownFields: UnknownFields) {
    this.#fromRoot = fromRoot;
    this.#toRoot = toRoot;
    this.#unknownFields = unknownFields;
  }

  compare(pair: Pair): readonly Narrowing[] {
    const { path, depth } = pair;
    // Deeper are only schemas that refer to themselves, and what is above has been compared.
    if (depth > depthMax) return [];
    const from = resolved(pair.from, this.#fromRoot);
    const to = resolved(pair.to, this.#toRoot);
    const branches = listOf(from, "anyOf") ?? listOf(from, "oneOf");
    if (branches !== undefined) return branches.flatMap((branch) => this.compare({ ...pair, from: branch, to }));
    const choices = listOf(to, "anyOf") ?? listOf(to, "oneOf");
    if (choices !== undefined) return this.#compareChoices({ ...pair, from, to }, choices);
    const wanted = listOf(to, "allOf");
    if (wanted !== undefined) return wanted.flatMap((part) => this.compare({ ...pair, from, to: part }));
    const values = valuesOf(from);
    if (values !== undefined) return values.flatMap((value) => misfit(value, to, path));
    const allowed = valuesOf(to);
    if (allowed !== undefined) return [{ path, reason: `only ${shownAll(allowed)} fits now` }];
    return this.#compareTypes({ from, to, path, depth });
  }

  #compareChoices(pair: Pair, choices: readonly JsonSchema[]): readonly Narrowing[] {
    const attempts = choices.map((choice) => this.compare({ ...pair, to: choice, depth: pair.depth + 1 }));
    if (attempts.some((found) => found.length === 0)) return [];
    return attempts.toSorted((left, right) => left.length - right.length)[0] ?? [];
  }

  #compareTypes(pair: Pair): readonly Narrowing[] {
    const { from, to, path } = pair;
    const before = typesOf(from);
    const after = typesOf(to);
    if (after !== undefined) {
      if (before === undefined) return [{ path, reason: `was anything, is ${after.join(" or ")}` }];
      const lost = before.filter((type) => !after.includes(type) && !(type === "integer" && after.includes("number")));
      if (lost.length > 0) return [{ path, reason: `was ${before.join(" or ")}, is ${after.join(" or ")}` }];
    }
    return [...boundNarrowings(from, to, path), ...this.#compareFields(pair), ...this.#compareItems(pair)];
  }

  #compareFields({ from, to, path, depth }: Pair): readonly Narrowing[] {
    const before = fieldsOf(from);
    const after = fieldsOf(to);
    const requiredBefore = namesOf(from, "required");
    const found: Narrowing[] = namesOf(to, "required")
      .filter((name) => !requiredBefore.includes(name))
      .map((name) => ({ path: `${path}.${name}`, reason: "was optional or unknown, is required" }));
    const isClosed = this.#unknownFields === "refused" && to["additionalProperties"] === false;
    for (const [name, schema] of Object.entries(before)) {
      const next = after[name];
      if (next !== undefined)
        found.push(...this.compare({ from: schema, to: next, path: `${path}.${name}`, depth: depth + 1 }));
      else if (isClosed) found.push({ path: `${path}.${name}`, reason: "is no longer accepted" });
    }
    if (isClosed && from["additionalProperties"] !== false && typesOf(from)?.includes("object") === true)
      found.push({ path, reason: "unknown fields were dropped, are refused" });
    return found;
  }

  #compareItems({ from, to, path, depth }: Pair): readonly Narrowing[] {
    const before = schemaOf(from["items"]);
    const after = schemaOf(to["items"]);
    if (after === undefined) return [];
    return this.compare({ from: before ?? {}, to: after, path: `${path}[]`, depth: depth + 1 });
  }
}

const lowerBounds = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
const upperBounds = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
const others = ["pattern", "format", "multipleOf", "uniqueItems", "contentEncoding"];

function boundNarrowings(from: JsonSchema, to: JsonSchema, path: string): readonly Narrowing[] {
  const found: Narrowing[] = [];
  for (const name of lowerBounds)
    if (numberOf(to, name, -Infinity) > numberOf(from, name, -Infinity)) found.push(tighter(name));
  for (const name of upperBounds)
    if (numberOf(to, name, Infinity) < numberOf(from, name, Infinity)) found.push(tighter(name));
  for (const name of others) if (to[name] !== undefined && to[name] !== from[name]) found.push(tighter(name));
  return found;

  function tighter(name: string): Narrowing {
    return { path, reason: `${name} was ${shown(from[name])}, is ${shown(to[name])}` };
  }
}

/** Why a single value does not fit; checks what an enumeration can hold. */
function misfit(value: unknown, to: JsonSchema, path: string): readonly Narrowing[] {
  const allowed = valuesOf(to);
  const reason = `${JSON.stringify(value)} is no longer accepted`;
  if (allowed !== undefined) return allowed.includes(value) ? [] : [{ path, reason }];
  const types = typesOf(to);
  if (types === undefined || types.includes(typeOf(value)) || (typeof value === "number" && types.includes("number")))
    return [];
  return [{ path, reason }];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" && Number.isInteger(value)) return "integer";
  return Array.isArray(value) ? "array" : typeof value;
}

function resolved(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const reference = schema["$ref"];
  if (typeof reference !== "string") return schema;
  if (reference === "#") return root;
  let found: unknown = root;
  for (const step of reference.replace(/^#\//, "").split("/")) found = schemaOf(found)?.[step];
  return schemaOf(found) ?? {};
}

function valuesOf(schema: JsonSchema): readonly unknown[] | undefined {
  if (Object.hasOwn(schema, "const")) return [schema["const"]];
  return Array.isArray(schema["enum"]) ? schema["enum"] : undefined;
}

function typesOf({ type }: JsonSchema): readonly string[] | undefined {
  if (typeof type === "string") return [type];
  return Array.isArray(type) ? (type as string[]) : undefined;
}

function fieldsOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (schemaOf(schema["properties"]) ?? {}) as Readonly<Record<string, JsonSchema>>;
}

function namesOf(schema: JsonSchema, keyword: string): readonly string[] {
  const names = schema[keyword];
  return Array.isArray(names) ? (names as string[]) : [];
}

function listOf(schema: JsonSchema, keyword: string): readonly JsonSchema[] | undefined {
  const list = schema[keyword];
  return Array.isArray(list) ? (list as JsonSchema[]) : undefined;
}

function schemaOf(value: unknown): JsonSchema | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonSchema) : undefined;
}

function numberOf(schema: JsonSchema, keyword: string, absent: number): number {
  const value = schema[keyword];
  return typeof value === "number" ? value : absent;
}

function shown(bound: unknown): string {
  if (bound === undefined) return "absent";
  return typeof bound === "string" ? bound : JSON.stringify(bound);
}

function shownAll(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(" or ");
}
