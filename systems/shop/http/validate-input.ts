import type { z } from "zod";
import { ProblemError, type FieldError } from "./problem.ts";

/** More errors than these help nobody and would let a small request make a large answer. */
const errorsMax = 20;
const nameLengthMax = 60;

/** The body as its schema understands it, or {@link ProblemError} `invalid-body` with a JSON pointer for each fault. */
export function validBody<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = faults(result.error, (path, detail) => ({ pointer: pointerOf(path), detail }));
  throw new ProblemError("invalid-body", summary(errors), { errors });
}

/** The query as its schema understands it, or {@link ProblemError} `invalid-parameters`. */
export function validQuery<T>(schema: z.ZodType<T>, query: URLSearchParams): T {
  const names = [...query.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw parametersProblem([{ parameter: shown(twice), detail: "given more than once" }]);
  const result = schema.safeParse(Object.fromEntries(query));
  if (result.success) return result.data;
  throw parametersProblem(
    faults(result.error, (path, detail) => ({ parameter: shown(String(path[0] ?? "")), detail })),
  );
}

/** A header as its schema understands it, or {@link ProblemError} `invalid-parameters`. */
export function validHeader<T>(schema: z.ZodType<T>, name: string, value: string | undefined): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw parametersProblem(faults(result.error, (_, detail) => ({ header: name, detail })));
}

/** A part of the path as its schema understands it. What cannot be the name of anything is not found. */
export function validPath<T>(schema: z.ZodType<T>, values: Readonly<Record<string, string>>): T {
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  throw new ProblemError("no-such-resource", "Nothing can have this code or id.");
}

function parametersProblem(errors: readonly FieldError[]): ProblemError {
  return new ProblemError("invalid-parameters", summary(errors), { errors });
}

function summary(errors: readonly FieldError[]): string {
  return errors.length === 1 ? "One thing is wrong." : `${errors.length} things are wrong.`;
}

type At = (path: readonly PropertyKey[], detail: string) => FieldError;

function faults(error: z.ZodError, at: At): readonly FieldError[] {
  return error.issues.flatMap((issue) => faultsOf(issue, at)).slice(0, errorsMax);
}

function faultsOf(issue: z.core.$ZodIssue, at: At): readonly FieldError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => at([...issue.path, key], "unknown; only documented names are taken"));
  }
  return [at(issue.path, issue.message.replace(/^Invalid (?:input|option|string): /, ""))];
}

/** RFC 6901, in its form for URI fragments. */
function pointerOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => shown(String(part)).replaceAll("~", "~0").replaceAll("/", "~1"));
  return ["#", ...parts.map(encodeURIComponent)].join("/");
}

function shown(name: string): string {
  return name.toWellFormed().slice(0, nameLengthMax).toWellFormed();
}
