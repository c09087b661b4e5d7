import { z } from "zod";
import { problemTypes, type ProblemName } from "./problem-types.ts";
import { problemsOf, type Answer, type Route } from "./route.ts";
import { components, idempotencyKeySchema, problemSchema } from "./schemas.ts";

type Json = { readonly [name: string]: unknown };

/** The OpenAPI 3.1 document of the routes, from the schemas that validate them. */
export function openApiDocument(routes: readonly Route[]): Json {
  return {
    openapi: "3.1.1",
    info: {
      title: "Shop",
      version: "1.0.0",
      summary: "Products, orders, returns and sales of the reference shop.",
      description:
        "Amounts are whole minor units. Errors are problem details (RFC 9457): text that cannot be read is 400, JSON of the wrong shape 422. Unknown fields and parameters are refused. Every response carries `X-Request-Id`; a request may bring its own.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths: pathsOf(routes),
    components: { schemas: toJsonSchemas(components) },
  };
}

function pathsOf(routes: readonly Route[]): Json {
  const byTemplate = Map.groupBy(routes, (route) => route.template);
  const operations = (those: readonly Route[]): Json =>
    Object.fromEntries(those.map((route) => [route.method.toLowerCase(), operationOf(route)]));
  return Object.fromEntries([...byTemplate].map(([template, those]) => [template, operations(those)]));
}

function operationOf(route: Route): Json {
  const parameters = parametersOf(route);
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: schemaOf(route.body) } } } }),
    responses: responsesOf(route),
  };
}

function parametersOf(route: Route): readonly Json[] {
  const header = {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description: "A repeat with the same key has the same answer and no further effect.",
    schema: schemaOf(idempotencyKeySchema),
  };
  return [
    ...(route.path === undefined ? [] : fieldsOf(route.path, "path")),
    ...(route.query === undefined ? [] : fieldsOf(route.query, "query")),
    ...(route.idempotencyKey === undefined ? [] : [header]),
  ];
}

interface ObjectShape {
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
}

function fieldsOf(schema: z.ZodType, place: "path" | "query"): readonly Json[] {
  const { properties = {}, required = [] } = schemaOf(schema) as ObjectShape;
  return Object.entries(properties).map(([name, field]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: field,
  }));
}

function responsesOf(route: Route): Json {
  const problems = Map.groupBy(problemsOf(route), (name): number => problemTypes[name].status);
  const statuses = new Set([...Object.keys(route.answers).map(Number), ...problems.keys()]);
  const responses = [...statuses]
    .toSorted((a, b) => a - b)
    .map((status) => {
      return [String(status), responseOf(route.answers[status], problems.get(status) ?? [])];
    });
  return Object.fromEntries(responses);
}

function responseOf(answer: Answer | undefined, problems: readonly ProblemName[]): Json {
  const titles = problems.map((name) => `\`${name}\`: ${problemTypes[name].title}.`);
  const headers = { ...answer?.headers, ...headersOf(problems) };
  return {
    description: [...(answer === undefined ? [] : [answer.description]), ...titles].join(" "),
    ...(Object.keys(headers).length === 0 ? {} : { headers: documentedHeaders(headers) }),
    content: {
      ...(answer === undefined ? {} : { "application/json": { schema: schemaOf(answer.schema) } }),
      ...(problems.length === 0 ? {} : { "application/problem+json": { schema: schemaOf(problemSchema) } }),
    },
  };
}

function headersOf(problems: readonly ProblemName[]): Readonly<Record<string, string>> {
  return problems.some((name) => problemTypes[name].status === 503)
    ? { "Retry-After": "Seconds after which a repeat may succeed." }
    : {};
}

function documentedHeaders(headers: Readonly<Record<string, string>>): Json {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.map(([name, description]) => [name, { description, schema: { type: "string" } }]));
}

/** Stands for a schema while it is among the components; nothing refers to it. */
const anonymous = "anonymous";

const reference = (id: string): string => `#/components/schemas/${id}`;

/** The JSON Schema of what a schema takes, with references to the components. */
function schemaOf(schema: z.ZodType): Json {
  const name = Object.keys(components).find((id) => components[id] === schema);
  if (name !== undefined) return { $ref: reference(name) };
  return toJsonSchemas({ ...components, [anonymous]: schema })[anonymous] ?? {};
}

function toJsonSchemas(named: Readonly<Record<string, z.ZodType>>): Readonly<Record<string, Json>> {
  const registry = z.registry<{ readonly id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: "input", uri: reference, override: shapeOfNumber });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutPlace(schema)]));
}

/** A number in a query is checked as text first; the pattern of the text says nothing about the number. Its default is put in here
 *  because zod leaves out defaults of what is transformed. */
function shapeOfNumber({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.type !== "integer") return;
  delete jsonSchema.pattern;
  const { byDefault } = jsonSchema as { byDefault?: unknown };
  if (byDefault === undefined) return;
  jsonSchema.default = byDefault;
  Reflect.deleteProperty(jsonSchema, "byDefault");
}

/** The dialect is the document's, and the name is where the schema stands. */
function withoutPlace(schema: object): Json {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== "$schema" && name !== "$id"));
}
