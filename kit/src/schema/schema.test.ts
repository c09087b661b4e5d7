import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { UnsupportedError } from "../errors/mod.ts";
import {
  type InferInput,
  type InferOutput,
  jsonSchema,
  parseSync,
  type StandardSchema,
  validateSync,
  ValidationError,
} from "./mod.ts";

const order = z.object({
  items: z.array(z.object({ price: z.number(), "unit price": z.number().optional() })),
  note: z.string().default("none"),
});

function issuesOf(value: unknown): readonly string[] {
  const validation = validateSync(order, value);
  return validation.ok ? [] : validation.issues.map(({ path }) => path);
}

describe("validation", () => {
  test("gives what the schema makes of the value", () => {
    const validation = validateSync(order, { items: [], extra: 1 });
    expect(validation).toEqual({ ok: true, value: { items: [], note: "none" } });
  });

  test("names the place of every issue as code would", () => {
    expect(issuesOf({ items: [{ price: "5" }, { price: 1, "unit price": "x" }], note: 1 })).toEqual([
      "items[0].price",
      'items[1]["unit price"]',
      "note",
    ]);
    expect(issuesOf(null)).toEqual([""]);
  });

  test("takes any library: path segments as objects, symbols, no path at all", () => {
    const issues = [{ message: "m", path: [{ key: "a" }, 0, Symbol("s")] }, { message: "n" }];
    const schema: StandardSchema<string> = { "~standard": { version: 1, vendor: "own", validate: () => ({ issues }) } };
    expect(validateSync(schema, 1)).toEqual({
      ok: false,
      issues: [
        { path: "a[0][Symbol(s)]", message: "m" },
        { path: "", message: "n" },
      ],
    });
  });

  test("refuses a schema that answers later, and its answer troubles nobody", () => {
    const later = z.string().refine(() => Promise.resolve(true));
    expect(() => validateSync(later, "x")).toThrow(UnsupportedError);
    expect(() => validateSync(later, "x")).toThrow("give a zod schema without asynchronous checks");
    const validate = (): Promise<never> => Promise.reject(new Error("late"));
    const failing: StandardSchema = { "~standard": { version: 1, vendor: "own", validate } };
    expect(() => validateSync(failing, "x")).toThrow(UnsupportedError);
  });

  test("infers what goes in and what comes out", () => {
    expectTypeOf<InferInput<typeof order>["note"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<InferOutput<typeof order>["note"]>().toEqualTypeOf<string>();
    expectTypeOf(parseSync(order, { items: [] }, "order")).toEqualTypeOf<z.output<typeof order>>();
  });
});

describe("parsing", () => {
  test("returns the value or throws all issues, the first five in the message", () => {
    expect(parseSync(order, { items: [] }, "the order").note).toBe("none");
    const items = Array.from({ length: 7 }, () => ({ price: "x" }));
    try {
      parseSync(order, { items }, "the order");
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      expect([error.code, error.retryable, error.issues.length]).toEqual(["VALIDATION", false, 7]);
      expect(error.message).toMatch(/^the order is not valid: items\[0\]\.price: .*; and 2 more$/);
    }
  });
});

describe("JSON Schema", () => {
  test("describes what may arrive, or what comes out", () => {
    expect(jsonSchema(order)).toMatchObject({ type: "object", required: ["items"] });
    expect(jsonSchema(order, { direction: "output" })).toMatchObject({ required: ["items", "note"] });
  });

  test("says what to do when the library has no conversion, or not for this schema", () => {
    const plain: StandardSchema = { "~standard": { version: 1, vendor: "own", validate: (value) => ({ value }) } };
    expect(() => jsonSchema(plain)).toThrow("own does not support JSON Schema: use a version with");
    expect(() => jsonSchema(z.bigint())).toThrow(UnsupportedError);
  });
});
