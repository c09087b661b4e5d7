import { EncodeError } from "./codec.ts";

// Deeper values are possible but rare; from here on the exact walk, which can tell depth from a cycle, takes over.
const quickDepthMax = 64;
// Far from the end of the stack, which JSON.stringify and JSON.parse share with their caller.
const depthMax = 1_000;

/** Throws {@link EncodeError} for a value that JSON would change without a word. */
export function checkJson(value: unknown): void {
  if (!isKeptByJson(value, 0)) refuseChanged(value, "", []);
}

/** The quick answer, without paths or memory. False means "look closer", not yet "refused". */
function isKeptByJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value);
    case "object":
      return value === null || (depth < quickDepthMax && isObjectKept(value, depth));
    default:
      return false;
  }
}

function isObjectKept(value: object, depth: number): boolean {
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isKeptByJson(value[index], depth + 1)) return false;
    return true;
  }
  if (!isPlain(value)) return false;
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    const field = fields[key];
    if (field !== undefined && !isKeptByJson(field, depth + 1)) return false;
  }
  return typeof fields["toJSON"] !== "function";
}

/** A literal, a parsed object or one without prototype, also from another realm; not an instance of a class. */
function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.hasOwn(prototype, "isPrototypeOf");
}

/** The slow twin: same rules, but knows where it is. */
function refuseChanged(value: unknown, path: string, parents: object[]): void {
  const problem = problemOf(value);
  if (problem !== undefined) throw new EncodeError(path, problem);
  if (typeof value !== "object" || value === null) return;
  if (parents.includes(value)) throw new EncodeError(path, "it contains itself");
  if (parents.length >= depthMax) throw new EncodeError(path, `it is nested more than ${depthMax} deep`);
  parents.push(value);
  if (Array.isArray(value))
    for (let index = 0; index < value.length; index++) refuseChanged(value[index], `${path}[${index}]`, parents);
  else
    for (const [key, field] of Object.entries(value))
      if (field !== undefined) refuseChanged(field, path === "" ? key : `${path}.${key}`, parents);
  parents.pop();
}

function problemOf(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : `JSON would turn ${value} into null`;
    case "undefined":
      return "JSON would turn undefined into null";
    case "object":
      return value === null || Array.isArray(value) ? undefined : problemOfObject(value);
    default:
      return `JSON has no ${typeof value}`;
  }
}

function problemOfObject(value: object): string | undefined {
  if (!isPlain(value)) return `JSON would lose that it is a ${value.constructor?.name || "class instance"}`;
  return "toJSON" in value && typeof value.toJSON === "function" ? "its toJSON would replace it" : undefined;
}
