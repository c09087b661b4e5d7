import {
  type AnyContract,
  type Access,
  contractId,
  describeSchema,
  type Failure,
  type HttpRoute,
  type RateLimit,
} from "../contract/mod.ts";
import type { JsonSchema, StandardSchema } from "../schema/mod.ts";

/** What a document says of the whole. */
export interface DocumentInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string | undefined;
  /** Where the API is served. */
  readonly url?: string | undefined;
}

/** A JSON document. */
export type JsonDocument = Readonly<Record<string, unknown>>;

interface Operation {
  readonly contract: AnyContract;
  readonly name: string;
  readonly kind: "call" | "stream";
  readonly route: HttpRoute;
  readonly summary: string | undefined;
  readonly input: StandardSchema;
  readonly output: StandardSchema;
  readonly errors: Readonly<Record<string, Failure>>;
  readonly access: Access;
  readonly rateLimit: Required<RateLimit> | undefined;
  readonly keyed: "keyed" | "not keyed";
}

/** The OpenAPI 3.1 document of what the contracts offer over HTTP: the schemas that check requests are those that it shows. */
export function openApi(contracts: readonly AnyContract[], info: DocumentInfo): JsonDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of contracts.flatMap(operationsOf)) {
    const { route } = operation;
    (paths[route.path] ??= {})[route.method.toLowerCase()] = describe(operation);
  }
  const { title, version, description, url } = info;
  return {
    openapi: "3.1.0",
    info: { title, version, ...(description === undefined ? {} : { description }) },
    ...(url === undefined ? {} : { servers: [{ url }] }),
    tags: contracts.map((contract) => ({
      name: contractId(contract),
      description: contract.responsibilities.join(" "),
      ...(contract.owner === undefined ? {} : { "x-owner": contract.owner }),
    })),
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: { caller: { type: "http", scheme: "bearer" } },
    },
  };
}

/** The AsyncAPI 3.0 document of the events that the contracts tell and the queues that they take work from. */
export function asyncApi(contracts: readonly AnyContract[], info: DocumentInfo): JsonDocument {
  const channels: Record<string, unknown> = {};
  const operations: Record<string, unknown> = {};
  for (const contract of contracts) {
    const add = (name: string, action: "send" | "receive", told: Told): void => {
      const { payload, summary } = told;
      const id = `${contract.name}${contract.version === 1 ? "" : contract.version}.${name}`;
      const message = { payload, contentType: "application/json", ...(summary === undefined ? {} : { summary }) };
      channels[id] = { address: `${contractId(contract)}.${name}`, messages: { [name]: message } };
      operations[id] = { action, channel: { $ref: `#/channels/${id}` }, ...replyOf(id, told.answer) };
      if (told.answer !== undefined) {
        const answer = {
          payload: describeSchema(told.answer, { direction: "output" }),
          contentType: "application/json",
        };
        channels[`${id}.answer`] = { address: null, messages: { answer } };
      }
    };
    for (const [name, { data, summary }] of Object.entries(contract.events))
      add(name, "send", { payload: describeSchema(data, { direction: "output" }), summary });
    for (const [name, { input, output, summary }] of Object.entries(contract.queues))
      add(name, "receive", { payload: describeSchema(input), summary, answer: output });
  }
  const { title, version, description } = info;
  return {
    asyncapi: "3.0.0",
    info: { title, version, ...(description === undefined ? {} : { description }) },
    defaultContentType: "application/json",
    channels,
    operations,
  };
}

interface Told {
  readonly payload: JsonSchema;
  readonly summary: string | undefined;
  /** Of a queue that is answered. */
  readonly answer?: StandardSchema | undefined;
}

function replyOf(id: string, answer: StandardSchema | undefined): object {
  return answer === undefined ? {} : { reply: { channel: { $ref: `#/channels/${id}.answer` } } };
}

function operationsOf(contract: AnyContract): Operation[] {
  const calls = Object.entries(contract.calls).flatMap(([name, call]): Operation[] =>
    call.http === undefined
      ? []
      : [
          {
            ...call,
            contract,
            name,
            kind: "call",
            route: call.http,
            errors: call.errors as Readonly<Record<string, Failure>>,
            keyed: call.semantics === "keyed" ? "keyed" : "not keyed",
          },
        ],
  );
  const streams = Object.entries(contract.streams).flatMap(([name, stream]): Operation[] =>
    stream.http === undefined
      ? []
      : [
          {
            ...stream,
            contract,
            name,
            kind: "stream",
            route: stream.http,
            errors: stream.errors as Readonly<Record<string, Failure>>,
            keyed: "not keyed",
          },
        ],
  );
  return [...calls, ...streams];
}

function describe(operation: Operation): JsonDocument {
  const { contract, name, summary, access, rateLimit } = operation;
  return {
    operationId: `${contract.name}${contract.version === 1 ? "" : contract.version}.${name}`,
    tags: [contractId(contract)],
    ...(summary === undefined ? {} : { summary }),
    ...(access === "public" ? {} : { security: [{ caller: typeof access === "object" ? access.roles : [] }] }),
    ...(rateLimit === undefined ? {} : { "x-rate-limit": rateLimit }),
    ...inputOf(operation),
    responses: responsesOf(operation),
  };
}

function inputOf({ route, input, keyed }: Operation): JsonDocument {
  const schema = describeSchema(input);
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const required = (schema["required"] ?? []) as readonly string[];
  const hasBody = route.method !== "GET" && route.method !== "DELETE";
  const isParameter = (field: string): boolean => route.fields.includes(field) || field === route.ifMatch;
  const parameters: unknown[] = route.fields.map((field) => ({
    name: field,
    in: "path",
    required: true,
    schema: properties[field] ?? {},
  }));
  if (!hasBody)
    for (const [field, value] of Object.entries(properties).filter(([field]) => !isParameter(field)))
      parameters.push({ name: field, in: "query", required: required.includes(field), schema: value });
  if (route.ifMatch !== undefined)
    parameters.push({ name: "If-Match", in: "header", required: true, schema: { type: "string" } });
  if (keyed === "keyed")
    parameters.push({
      name: "Idempotency-Key",
      in: "header",
      required: false,
      description: "A repeat with the same key gets the first answer.",
      schema: { type: "string", minLength: 1, maxLength: 255 },
    });
  if (!hasBody) return { parameters };
  const { $schema: _, ...body } = schema;
  const fields = Object.fromEntries(Object.entries(properties).filter(([field]) => !isParameter(field)));
  const rest = required.filter((field) => !isParameter(field));
  const content = { "application/json": { schema: { ...body, properties: fields, required: rest } } };
  return { parameters, requestBody: { required: rest.length > 0, content } };
}

function responsesOf({ route, output, errors, kind, access, rateLimit }: Operation): JsonDocument {
  const { $schema: _, ...schema } = describeSchema(output, { direction: "output" });
  const type = kind === "stream" ? "text/event-stream" : "application/json";
  const responses: Record<string, unknown> = {
    [route.status]: {
      description: kind === "stream" ? "Items, as server-sent events or WebSocket messages." : "Done.",
      ...(route.status === 204 ? {} : { content: { [type]: { schema } } }),
      ...(route.location === undefined ? {} : { headers: { Location: { schema: { type: "string" } } } }),
    },
  };
  const told = (status: number, description: string): void => {
    const known = responses[status] as { description: string } | undefined;
    const text = known === undefined ? description : `${known.description} ${description}`;
    responses[status] = {
      description: text,
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    };
  };
  for (const [name, { status, title }] of Object.entries(errors)) told(status, `\`${name}\`: ${title}.`);
  told(400, "Cannot be read.");
  told(422, "Does not fit.");
  if (access !== "public") told(401, "Who calls is not known.");
  if (typeof access === "object") told(403, "This caller may not.");
  if (rateLimit !== undefined) told(429, "Too often; `Retry-After` says when.");
  told(500, "Went wrong inside.");
  told(503, "Nothing was done; `Retry-After` says when.");
  told(504, "No answer in time.");
  return responses;
}

const problemSchema: JsonSchema = {
  type: "object",
  description: "Problem details (RFC 9457).",
  required: ["type", "title", "status"],
  properties: {
    type: { type: "string", format: "uri-reference" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    errors: {
      type: "array",
      items: { type: "object", properties: { pointer: { type: "string" }, detail: { type: "string" } } },
    },
    failure: { type: "string" },
    data: {},
    reference: { type: "string" },
  },
};
