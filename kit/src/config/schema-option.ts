import { oneOf } from "../errors/mod.ts";
import { type InferOutput, type StandardSchema, validateSync } from "../schema/mod.ts";
import { makeOption, type Option, type OptionPlace, type Parsed } from "./option.ts";

/** Where a value is read, and the schema that says what it is. */
export interface SchemaOptionSettings<S extends StandardSchema> extends OptionPlace<InferOutput<S>> {
  readonly schema: S;
  /** What the schema is given: the `text` itself (default), or the value that the text is as `json`. */
  readonly as?: "text" | "json" | undefined;
}

/** Whatever a Standard Schema accepts. The schema's own issues tell what was expected; a default is taken as it is. */
export function schemaOption<S extends StandardSchema>(settings: SchemaOptionSettings<S>): Option<InferOutput<S>> {
  const as = oneOf("as", settings.as ?? "text", ["text", "json"]);
  const expected = as === "json" ? "JSON that fits its schema" : "a text that fits its schema";
  const parse = (text: string): Parsed<InferOutput<S>> => {
    const input = as === "json" ? jsonOf(text) : text;
    if (input === notJson) return { ok: false, expected: "JSON" };
    const checked = validateSync(settings.schema, input);
    if (checked.ok) return checked;
    const issues = checked.issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
    return { ok: false, expected: `${expected}: ${issues.join("; ")}` };
  };
  return makeOption(settings, { kind: "schema", expected, defaults: "as-they-are", parse, show: shownJson });
}

const notJson = Symbol("not JSON");

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return notJson; // told to the user as a fault, without the parser's position
  }
}

function shownJson(value: unknown): string {
  try {
    return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    return "a value that cannot be shown"; // a cycle or a bigint: only the description suffers
  }
}
