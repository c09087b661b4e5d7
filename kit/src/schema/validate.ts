import { UnsupportedError } from "../errors/mod.ts";
import type { InferOutput, StandardIssue, StandardResult, StandardSchema } from "./standard-schema.ts";
import { type Issue, ValidationError } from "./validation-error.ts";

/** The output of a schema, or all that is wrong with the input. */
export type Validation<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/**
 * What the schema makes of `value`, or every issue it finds. Throws {@link UnsupportedError} when the schema answers with a
 * promise: contracts are checked inside transactions and on hot paths, where nothing may wait.
 */
export function validateSync<S extends StandardSchema>(schema: S, value: unknown): Validation<InferOutput<S>> {
  const { validate, vendor } = schema["~standard"];
  const result = validate(value) as StandardResult<InferOutput<S>> | Promise<unknown>;
  if (result instanceof Promise) {
    result.catch(() => undefined); // its answer is refused, whatever it is
    throw new UnsupportedError(
      "an asynchronous schema",
      "validation",
      `give a ${vendor} schema without asynchronous checks`,
    );
  }
  if (result.issues === undefined) return { ok: true, value: result.value };
  return { ok: false, issues: result.issues.map(issueOf) };
}

/** The validated value; throws {@link ValidationError} with all issues, whose message begins with `what`. */
export function parseSync<S extends StandardSchema>(schema: S, value: unknown, what: string): InferOutput<S> {
  const validation = validateSync(schema, value);
  if (!validation.ok) throw new ValidationError(what, validation.issues);
  return validation.value;
}

function issueOf({ message, path = [] }: StandardIssue): Issue {
  const keys = path.map((segment) => (typeof segment === "object" ? segment.key : segment));
  return { path: keys.reduce<string>((text, key) => text + step(key, text === "" ? "first" : "later"), ""), message };
}

function step(key: PropertyKey, position: "first" | "later"): string {
  if (typeof key === "number") return `[${key}]`;
  if (typeof key === "symbol") return `[${String(key)}]`;
  if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `[${JSON.stringify(key)}]`;
  return position === "first" ? key : `.${key}`;
}
