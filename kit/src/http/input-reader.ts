import { describeSchema, type HttpRoute } from "../contract/mod.ts";
import type { JsonSchema, StandardSchema } from "../schema/mod.ts";
import { headerOf, type HttpRequest } from "./exchange.ts";
import { ProblemError } from "./problem.ts";

/** What stood in the fields of a path. */
type PathParams = Readonly<Record<string, string | undefined>>;

/** Makes the input of an operation out of a request; what it makes is not validated yet. */
export interface InputReader {
  read(request: HttpRequest, params: PathParams): Record<string, unknown> | Promise<Record<string, unknown>>;
  /** Where a field of the input stands in the request: a JSON pointer into the body, or the parameter. */
  place(path: string): string;
}

type Coerce = (text: string) => unknown;

const bodyMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * Compiles how the input of a route is read: fields in braces from the path, all others from the query (GET, DELETE) or the JSON body. Texts of
 * path and query become numbers and truth values where the schema of the field says so, and stay texts where they are none, so
 * that the schema refuses them. A field that comes twice, in path and body, is refused.
 */
export function inputReader(route: HttpRoute, schema: StandardSchema): InputReader {
  const shapes = new Shapes(schema);
  const hasBody = bodyMethods.has(route.method);
  const joined = (
    input: Record<string, unknown>,
    request: HttpRequest,
    params: PathParams,
  ): Record<string, unknown> => {
    for (const name of route.fields) {
      if (Object.hasOwn(input, name)) throw new ProblemError("field-twice", name);
      input[name] = shapes.of(name).coerce(params[name] ?? "");
    }
    if (route.ifMatch !== undefined) readIfMatch(request, route.ifMatch, input);
    return input;
  };
  return {
    // What has no body is read at once.
    read: (request, params) =>
      hasBody
        ? bodyOf(request).then((input) => joined(input, request, params))
        : joined(queryOf(request, shapes), request, params),
    place(path) {
      const [first = ""] = path.split(/[.[]/, 1);
      if (route.fields.includes(first)) return `path: ${path}`;
      if (!hasBody) return `query: ${path}`;
      return path === "" ? "#" : `#/${path.replaceAll(/\[(\d+)\]/g, ".$1").replaceAll(".", "/")}`;
    },
  };
}

function readIfMatch(request: HttpRequest, field: string, input: Record<string, unknown>): void {
  const tag = headerOf(request, "if-match");
  if (tag === undefined) throw new ProblemError("precondition-required");
  input[field] = tag.replace(/^(?:W\/)?"(.*)"$/, "$1");
}

async function bodyOf(request: HttpRequest): Promise<Record<string, unknown>> {
  const text = await request.body();
  if (text === "") return {};
  const type = headerOf(request, "content-type") ?? "";
  if (!/^application\/(?:[a-z.+-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type))
    throw new ProblemError("media-type", undefined, { accept: "application/json" });
  if (headerOf(request, "content-encoding") !== undefined)
    throw new ProblemError("media-type", "the body is compressed");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError("invalid-json", "it cannot be parsed");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new ProblemError("invalid-json");
}

function queryOf({ url }: HttpRequest, shapes: Shapes): Record<string, unknown> {
  const mark = url.indexOf("?");
  const input: Record<string, unknown> = {};
  // A list without items is a parameter that does not come at all.
  for (const name of shapes.neededLists) input[name] = [];
  if (mark < 0) return input;
  for (const [name, text] of pairsOf(url.slice(mark + 1))) {
    const { isList, coerce } = shapes.of(name);
    const value = coerce(text);
    if (isList) input[name] = [...((input[name] as unknown[] | undefined) ?? []), value];
    else if (Object.hasOwn(input, name)) throw new ProblemError("field-twice", name);
    else input[name] = value;
  }
  return input;
}

/** Names and values of a query. Where nothing in it is encoded, as in most, taking it apart is all there is to do, at a third of the cost. */
function pairsOf(query: string): Iterable<readonly [string, string]> {
  return /[%+]/.test(query) ? new URLSearchParams(query) : plainPairs(query);
}

function plainPairs(query: string): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    pairs.push(equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)]);
  }
  return pairs;
}

/** How a field is read: whether it may come more than once, and what its text becomes. */
interface FieldReader {
  readonly isList: boolean;
  readonly coerce: Coerce;
}

const unknownField: FieldReader = { isList: false, coerce: (text) => text };

/** What the fields of a schema take, found out once and when first needed. */
class Shapes {
  readonly #schema: StandardSchema;
  #whole: JsonSchema | undefined;
  #readers: ReadonlyMap<string, FieldReader> | undefined;
  #neededLists: readonly string[] | undefined;

  constructor(schema: StandardSchema) {
    this.#schema = schema;
  }

  of(name: string): FieldReader {
    this.#readers ??= new Map(Array.from(fieldsOf(this.#described), ([field, shape]) => [field, readerOf(shape)]));
    return this.#readers.get(name) ?? unknownField;
  }

  /** Fields that must be there, and are lists. */
  get neededLists(): readonly string[] {
    if (this.#neededLists !== undefined) return this.#neededLists;
    const { required } = this.#described;
    const names = Array.isArray(required) ? (required as string[]) : [];
    return (this.#neededLists = names.filter((name) => this.of(name).isList));
  }

  /** Of a schema that JSON Schema cannot say nothing is known: its fields are texts. */
  get #described(): JsonSchema {
    return (this.#whole ??= describeSchema(this.#schema));
  }
}

function readerOf(field: JsonSchema): FieldReader {
  const isList = typesOf(field).includes("array");
  const types = typesOf(isList ? (field["items"] as JsonSchema | undefined) : field);
  const isNumber = types.includes("integer") || types.includes("number");
  if (types.includes("string")) return { isList, coerce: unknownField.coerce };
  if (isNumber) return { isList, coerce: numberFrom };
  return { isList, coerce: types.includes("boolean") ? truthFrom : unknownField.coerce };
}

/** The fields of an object; of a union or intersection those of all its parts. */
function fieldsOf(schema: JsonSchema): ReadonlyMap<string, JsonSchema> {
  const { properties, anyOf, oneOf, allOf } = schema;
  const parts = [anyOf, oneOf, allOf].flatMap((list) => (Array.isArray(list) ? (list as JsonSchema[]) : []));
  const own = Object.entries((properties ?? {}) as Readonly<Record<string, JsonSchema>>);
  return new Map([...parts.flatMap((part) => [...fieldsOf(part)]), ...own]);
}

function typesOf(schema: JsonSchema | undefined): readonly string[] {
  if (schema === undefined) return [];
  const { type, anyOf } = schema;
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return type as string[];
  return Array.isArray(anyOf) ? (anyOf as JsonSchema[]).flatMap(typesOf) : [];
}

function numberFrom(text: string): unknown {
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : text;
}

function truthFrom(text: string): unknown {
  if (text === "true") return true;
  return text === "false" ? false : text;
}
