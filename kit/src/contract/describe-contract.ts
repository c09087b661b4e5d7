import { UnsupportedError } from "../errors/mod.ts";
import { canonicalJson, fingerprint } from "../codec/mod.ts";
import { jsonSchema, type JsonSchema, type JsonSchemaOptions, type StandardSchema } from "../schema/mod.ts";
import { type AnyContract, contractId } from "./contract.ts";
import type { AnyFailures } from "./failure.ts";
import type { HttpRoute } from "./http-route.ts";
import type { Semantics } from "./semantics.ts";

/** What two sides have to agree on, as plain JSON: no text for people, no targets. */
export interface ContractDescription {
  readonly id: string;
  readonly calls: Readonly<Record<string, CallDescription>>;
  readonly streams: Readonly<Record<string, CallDescription>>;
  readonly events: Readonly<Record<string, { readonly data: JsonSchema; readonly key: string | undefined }>>;
  readonly queues: Readonly<Record<string, QueueDescription>>;
}

/** A queue as plain JSON. */
export interface QueueDescription {
  readonly input: JsonSchema;
  readonly output: JsonSchema | undefined;
  readonly key: string | undefined;
  readonly deadlineMs: number;
}

/** A call or stream as plain JSON. */
export interface CallDescription {
  readonly input: JsonSchema;
  readonly output: JsonSchema;
  readonly errors: Readonly<Record<string, JsonSchema>>;
  readonly semantics: Semantics;
  readonly deadlineMs: number;
  readonly http: HttpRoute | undefined;
}

const descriptions = new WeakMap<AnyContract, ContractDescription>();
const hashes = new WeakMap<AnyContract, string>();

/** Describes a contract, once. What JSON Schema cannot say (a transformation, nothing at all) is described as such. */
export function describeContract(contract: AnyContract): ContractDescription {
  const known = descriptions.get(contract);
  if (known !== undefined) return known;
  const description: ContractDescription = {
    id: contractId(contract),
    calls: mapped(contract.calls, (call) => ({ ...shapeOf(call), semantics: call.semantics })),
    streams: mapped(contract.streams, (stream) => ({ ...shapeOf(stream), semantics: "safe" as const })),
    events: mapped(contract.events, ({ data, key }) => ({ data: describeSchema(data, { direction: "output" }), key })),
    queues: mapped(contract.queues, ({ input, output, key, deadlineMs }) => ({
      input: describeSchema(input),
      output: output === undefined ? undefined : describeSchema(output, { direction: "output" }),
      key,
      deadlineMs,
    })),
  };
  descriptions.set(contract, description);
  return description;
}

/** A fingerprint of all that two sides have to agree on. It travels with calls, so that one can see who still calls an old contract. */
export function contractHash(contract: AnyContract): string {
  const known = hashes.get(contract);
  if (known !== undefined) return known;
  const hash = fingerprint(canonicalJson(describeContract(contract)));
  hashes.set(contract, hash);
  return hash;
}

interface Shape {
  readonly input: StandardSchema;
  readonly output: StandardSchema;
  readonly errors: AnyFailures;
  readonly deadlineMs: number;
  readonly http: HttpRoute | undefined;
}

function shapeOf({ input, output, errors, deadlineMs, http }: Shape): Omit<CallDescription, "semantics"> {
  return {
    input: describeSchema(input),
    output: describeSchema(output, { direction: "output" }),
    errors: mapped(errors, ({ data }) => describeSchema(data, { direction: "output" })),
    deadlineMs,
    http,
  };
}

/** The schema as JSON Schema; `{ not: {} }` for what has no form in JSON, such as nothing at all. */
export function describeSchema(schema: StandardSchema, options?: JsonSchemaOptions): JsonSchema {
  try {
    return jsonSchema(schema, options);
  } catch (error) {
    if (error instanceof UnsupportedError) return { not: {} };
    throw error;
  }
}

function mapped<T, R>(group: Readonly<Record<string, T>>, describe: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(group).map(([name, value]) => [name, describe(value)]));
}
