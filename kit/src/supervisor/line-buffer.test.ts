import fc from "fast-check";
import { expect, test } from "vitest";
import { LineBuffer } from "./line-buffer.ts";
import { lineWriter } from "./output-system.ts";

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

test("lines are written after their source; beyond 1 MiB that nobody reads they are dropped and counted", () => {
  const target = () => ({ writableLength: 0, written: [] as string[], write: (text: string) => text });
  const [stdout, stderr] = [target(), target()];
  for (const stream of [stdout, stderr]) stream.write = (text) => (stream.written.push(text), text);
  const write = lineWriter({ stdout, stderr });
  const line = { name: "orders", instance: 1, stream: "stdout" } as const;
  write({ ...line, text: "one" });
  stdout.writableLength = 1_048_577;
  write({ ...line, text: "two" });
  write({ ...line, text: "three" });
  write({ ...line, stream: "stderr", text: "oops" });
  stdout.writableLength = 0;
  write({ ...line, text: "four" });
  expect(stdout.written).toEqual(["[orders#1] one\n", "[supervisor] 2 lines were dropped\n", "[orders#1] four\n"]);
  expect(stderr.written).toEqual(["[orders#1] oops\n"]);
});
