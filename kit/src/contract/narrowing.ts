import type { JsonSchema } from "../schema/mod.ts";
import { boundNarrowings } from "./narrowing-bounds.ts";
import { itemsAt, listOf, namesOf, placesOf, resolved, schemaOf, shown, typesOf, valuesOf } from "./schema-parts.ts";
import { misfit } from "./value-misfit.ts";

/** A value that fits `from` and not `to`, as words; `path` says where. */
export interface Narrowing {
  readonly path: string;
  readonly reason: string;
}

/** What fields that a schema does not name mean: "dropped" by who reads them, or "refused" where the schema says so. */
export type UnknownFields = "dropped" | "refused";

/**
 * Where values that fit `from` may not fit `to`; empty when every value of `from` fits. Knows types, enumerations, objects, arrays, unions,
 * intersections, references and the bounds of numbers and texts; a pattern or another keyword that differs counts as a narrowing, because
 * nobody can tell. Each pair of schemas is compared once, so that the time is that of their sizes, whatever they refer to.
 */
export function narrowings(from: JsonSchema, to: JsonSchema, unknownFields: UnknownFields): readonly Narrowing[] {
  return new Comparison(from, to, unknownFields).compare(from, to);
}

class Comparison {
  readonly #fromRoot: JsonSchema;
  readonly #toRoot: JsonSchema;
  readonly #unknownFields: UnknownFields;
  /** What pairs came to, with paths from the pair; a pair that is still being compared fits as far as is known. */
  readonly #known = new Map<JsonSchema, Map<JsonSchema, readonly Narrowing[]>>();

  constructor(fromRoot: JsonSchema, toRoot: JsonSchema, unknownFields: UnknownFields) {
    this.#fromRoot = fromRoot;
    this.#toRoot = toRoot;
    this.#unknownFields = unknownFields;
  }

  compare(from: JsonSchema, to: JsonSchema): readonly Narrowing[] {
    let ofFrom = this.#known.get(from);
    if (ofFrom === undefined) this.#known.set(from, (ofFrom = new Map()));
    const known = ofFrom.get(to);
    if (known !== undefined) return known;
    ofFrom.set(to, []);
    const found = this.#compareResolved(resolved(from, this.#fromRoot), resolved(to, this.#toRoot));
    ofFrom.set(to, found);
    return found;
  }

  #compareResolved(from: JsonSchema, to: JsonSchema): readonly Narrowing[] {
    if (isUnsayable(from) || isUnsayable(to))
      return isUnsayable(from) && isUnsayable(to) ? [] : [at("", "is, or was, what JSON Schema cannot say")];
    const branches = listOf(from, "anyOf") ?? listOf(from, "oneOf");
    if (branches !== undefined) return branches.flatMap((branch) => this.compare(branch, to));
    const choices = listOf(to, "anyOf") ?? listOf(to, "oneOf");
    if (choices !== undefined) return this.#compareChoices(from, to, choices);
    const wanted = listOf(to, "allOf");
    if (wanted !== undefined) return [...wanted, without(to, "allOf")].flatMap((part) => this.compare(from, part));
    const held = listOf(from, "allOf");
    if (held !== undefined) return this.#compareWhole([...held, without(from, "allOf")], to);
    return this.#comparePlain(from, to);
  }

  /** Each value, and each type, may have a choice of its own. */
  #compareChoices(from: JsonSchema, to: JsonSchema, choices: readonly JsonSchema[]): readonly Narrowing[] {
    const rest = without(without(to, "anyOf"), "oneOf");
    const parts = partsOf(from).flatMap((part) => {
      const attempts = choices.map((choice) => this.compare(part, choice));
      if (attempts.some((found) => found.length === 0)) return [];
      return attempts.toSorted((left, right) => left.length - right.length)[0] ?? [];
    });
    return [...parts, ...this.compare(from, rest)];
  }

  /** A value that fits all parts: one of them may be enough, else what they say of it together. */
  #compareWhole(parts: readonly JsonSchema[], to: JsonSchema): readonly Narrowing[] {
    const whole = parts.map((part) => resolved(part, this.#fromRoot));
    if (whole.some((part) => this.compare(part, to).length === 0)) return [];
    const properties = whole.flatMap((part) => Object.entries(fieldsOf(part)));
    const merged: JsonSchema = {
      ...Object.assign({}, ...whole),
      properties: Object.fromEntries(properties),
      required: whole.flatMap((part) => namesOf(part, "required")),
    };
    return this.compare(merged, to);
  }

  #comparePlain(from: JsonSchema, to: JsonSchema): readonly Narrowing[] {
    const values = valuesOf(from);
    if (values !== undefined) return values.flatMap((value) => misfit(value, from, to)).map((reason) => at("", reason));
    const allowed = valuesOf(to);
    if (allowed !== undefined)
      return [at("", `only ${allowed.map((value) => JSON.stringify(value)).join(" or ")} fits now`)];
    const before = typesOf(from);
    const after = typesOf(to);
    if (after !== undefined) {
      if (before === undefined) return [at("", `was anything, is ${after.join(" or ")}`)];
      const lost = before.filter((type) => !after.includes(type) && !(type === "integer" && after.includes("number")));
      if (lost.length > 0) return [at("", `was ${before.join(" or ")}, is ${after.join(" or ")}`)];
    }
    const bounds = boundNarrowings(from, to).map((reason) => at("", reason));
    return [
      ...bounds,
      ...this.#compareFields(from, to),
      ...this.#compareOthers(from, to),
      ...this.#compareItems(from, to),
    ];
  }

  #compareFields(from: JsonSchema, to: JsonSchema): readonly Narrowing[] {
    const before = fieldsOf(from);
    const after = fieldsOf(to);
    const requiredBefore = namesOf(from, "required");
    const found: Narrowing[] = namesOf(to, "required")
      .filter((name) => !requiredBefore.includes(name))
      .map((name) => at(`.${name}`, "was optional or unknown, is required"));
    const isClosed = this.#unknownFields === "refused" && to["additionalProperties"] === false;
    for (const [name, schema] of Object.entries(before)) {
      const next = after[name] ?? schemaOf(to["additionalProperties"]);
      if (next !== undefined) found.push(...under(`.${name}`, this.compare(schema, next)));
      else if (isClosed) found.push(at(`.${name}`, "is no longer accepted"));
    }
    return found;
  }

  /** Fields that neither names: what they may hold, and what they may be called. */
  #compareOthers(from: JsonSchema, to: JsonSchema): readonly Narrowing[] {
    if (typesOf(from)?.includes("object") !== true) return [];
    const { additionalProperties: before } = from;
    const { additionalProperties: after } = to;
    const others = schemaOf(before);
    const found: Narrowing[] = [];
    if (this.#unknownFields === "refused" && after === false && before !== false)
      found.push(at("", "unknown fields were dropped, are refused"));
    const next = schemaOf(after);
    if (next !== undefined && before !== false) found.push(...under(".*", this.compare(others ?? {}, next)));
    const isNew = ([name]: [string, JsonSchema]): boolean => !Object.hasOwn(fieldsOf(from), name);
    if (others !== undefined && Object.keys(others).length > 0)
      for (const [name, schema] of Object.entries(fieldsOf(to)).filter(isNew))
        found.push(...under(`.${name}`, this.compare(others, schema)));
    const names = schemaOf(to["propertyNames"]);
    if (names !== undefined)
      found.push(...under(" (names)", this.compare(schemaOf(from["propertyNames"]) ?? anyName, names)));
    return found;
  }

  #compareItems(from: JsonSchema, to: JsonSchema): readonly Narrowing[] {
    if (typesOf(from)?.includes("array") !== true) return [];
    const places = Math.max(placesOf(from), placesOf(to));
    const found: Narrowing[] = [];
    for (let place = 0; place <= places; place++) {
      const before = itemsAt(from, place);
      const after = itemsAt(to, place);
      const path = place === places ? "[]" : `[${place}]`;
      if (after === "none" && before !== "none") found.push(at(path, "is no longer accepted"));
      if (after !== "none" && before !== "none") found.push(...under(path, this.compare(before, after)));
    }
    return found;
  }
}

const anyName: JsonSchema = { type: "string" };

function at(path: string, reason: string): Narrowing {
  return { path, reason };
}

function under(prefix: string, found: readonly Narrowing[]): readonly Narrowing[] {
  return found.map(({ path, reason }) => ({ path: `${prefix}${path}`, reason }));
}

/** `{ not: {} }`: what stands for a schema that has no form in JSON. */
function isUnsayable({ not }: JsonSchema): boolean {
  return shown(not) === "{}";
}

function without(schema: JsonSchema, keyword: string): JsonSchema {
  const { [keyword]: _, ...rest } = schema;
  return rest;
}

function partsOf(schema: JsonSchema): readonly JsonSchema[] {
  const values = valuesOf(schema);
  if (values !== undefined) return values.map((value) => ({ const: value }));
  const types = typesOf(schema);
  return types === undefined || types.length < 2 ? [schema] : types.map((type) => ({ ...schema, type }));
}

function fieldsOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return (schemaOf(schema["properties"]) ?? {}) as Readonly<Record<string, JsonSchema>>;
}
