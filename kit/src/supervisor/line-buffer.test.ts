import fc from "fast-check";
import { expect, test } from "vitest";
import { LineBuffer } from "./line-buffer.ts";

function linesOf(pieces: readonly string[]): string[] {
  const lines: string[] = [];
  const buffer = new LineBuffer((line) => lines.push(line));
  for (const piece of pieces) buffer.push(piece);
  buffer.flush();
  buffer.flush();
  return lines;
}

test("lines are the same however the text is cut into pieces", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 40 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(40)), (text, cuts) => {
      const places = [0, ...cuts.toSorted((left, right) => left - right), text.length];
      const pieces = places.map((place, index) => text.slice(place, places[index + 1] ?? text.length));
      expect(linesOf(pieces)).toEqual(linesOf([text]));
      const expected = text.split("\n");
      if (expected.at(-1) === "") expected.pop();
      expect(linesOf([text])).toEqual(expected);
    }),
  );
});

test("a line without end is given in parts of 16,384 characters, in whatever pieces it comes", () => {
  const long = "x".repeat(40_000);
  const lengths = [16_384, 16_384, 7_232];
  expect(linesOf([long]).map(({ length }) => length)).toEqual(lengths);
  expect(linesOf([`${long}\n`]).map(({ length }) => length)).toEqual(lengths);
  expect(linesOf(Array.from({ length: 40 }, () => "x".repeat(1_000))).map(({ length }) => length)).toEqual(lengths);
});
