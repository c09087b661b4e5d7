import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CsvReader, type CsvRecord } from "./csv.ts";

function read(...chunks: readonly string[]): readonly CsvRecord[] {
  const reader = new CsvReader();
  return [...chunks.flatMap((chunk) => [...reader.push(chunk)]), ...reader.end()];
}

function fieldsOf(text: string): readonly (readonly string[])[] {
  return read(text).map((record) => record.fields);
}

test("fields are split at commas, lines at either kind of line end, and the last line needs none", () => {
  expect(fieldsOf("a,b\r\nc,,d\n,e")).toEqual([
    ["a", "b"],
    ["c", "", "d"],
    ["", "e"],
  ]);
});

test("a byte order mark and blank lines are left out, and do not shift the line numbers", () => {
  const records = read("\uFEFFa\n\n\nb\n");
  expect(records.map(({ line, fields }) => [line, fields])).toEqual([
    [1, ["a"]],
    [4, ["b"]],
  ]);
});

test("quoted fields may hold commas, quotes and line ends", () => {
  expect(fieldsOf('1,"a, ""b""\nc",2\n')).toEqual([["1", 'a, "b"\nc', "2"]]);
});

test("a quote inside an unquoted field is part of it", () => {
  expect(fieldsOf('84029,12" RULER,3\n')).toEqual([["84029", '12" RULER', "3"]]);
});

test("a quote that is never closed costs its own line only", () => {
  const lines = Array.from({ length: 50 }, (_, index) => `${index},ok`);
  lines[10] = '10,"open';
  const records = read(lines.join("\n"));
  expect(records.filter((record) => record.fault !== undefined)).toEqual([
    { line: 11, fields: [], text: '10,"open', fault: "a quote that is not closed" },
  ]);
  expect(records).toHaveLength(50);
  expect(records.map((record) => record.line)).toEqual(lines.map((_, index) => index + 1));
});

test("a stray quote behind a quoted field is a fault of its line", () => {
  expect(read('"a"b,c\nd,e\n').map(({ fault }) => fault)).toEqual(["a stray quote", undefined]);
});

test("a line above the limit is a fault and is not kept, however it is cut into chunks", () => {
  const long = "x".repeat(20_000);
  for (const chunks of [
    [`a\n${long}\nb\n`],
    ["a\n", long, long, "\nb\n"],
    [`a\n${long.slice(0, 17_000)}`, "tail\nb"],
  ]) {
    const records = read(...chunks);
    expect(records.map(({ line, fault }) => [line, fault?.slice(0, 12)])).toEqual([
      [1, undefined],
      [2, "a line above"],
      [3, undefined],
    ]);
    expect(records[1]?.text.length).toBeLessThanOrEqual(200);
  }
});

test("well-formed text reads as csv-parse reads it, in chunks of any size", () => {
  const field = fc.oneof(
    fc.stringMatching(/^[a-z0-9 .£]{1,8}$/),
    fc.string({ maxLength: 8 }).map((text) => `"${text.replaceAll("\r", "").replaceAll('"', '""')}"`),
  );
  const record = fc.array(field, { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 9 }), (records, size) => {
      const text = records.map((fields) => fields.join(",")).join("\n");
      const chunks = text.match(new RegExp(`[^]{1,${size}}`, "gu")) ?? [];
      const theirs = parse(text, { relax_column_count: true });
      expect(read(...chunks).map(({ fields }) => fields)).toEqual(theirs);
    }),
  );
});
