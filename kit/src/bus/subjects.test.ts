import { expect, test } from "vitest";
import { checkPattern, checkSubject, fits } from "./subjects.ts";

test("a pattern fits its own subject, or with .> all below it and not itself", () => {
  expect(["a.b", "a", "a.b.c", "ab"].map((subject) => fits("a.b", subject))).toEqual([true, false, false, false]);
  expect(["a.b", "a", "a.b.c", "ab.c"].map((subject) => fits("a.>", subject))).toEqual([true, false, true, false]);
});

test("subjects are words joined by dots, patterns may end in .>", () => {
  for (const subject of ["a", "a.b-c.D_1", "x".repeat(200)]) expect(() => checkSubject(subject)).not.toThrow();
  for (const subject of ["", "a.", ".a", "a b", "a.>", "a.*", "a.#", 1])
    expect(() => checkSubject(subject)).toThrow("subject");
  for (const pattern of ["a", "a.>", "a.b.>"]) expect(() => checkPattern(pattern)).not.toThrow();
  for (const pattern of [">", "a>", "a.>.b", "*", undefined]) expect(() => checkPattern(pattern)).toThrow("pattern");
});
