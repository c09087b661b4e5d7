import { expect, test } from "vitest";
import { Packed } from "./pack-numbers.ts";

test("an array of numbers and texts, small whole numbers in a byte, texts of any length and language", () => {
  const packed = new Packed();
  for (const value of [0, 127, 128, 1.5]) packed.number(value);
  packed.text("é");
  const bytes = packed.taken();
  expect([...bytes.subarray(0, 7)]).toEqual([0xdd, 0, 0, 0, 5, 0, 127]);
  expect([bytes[7], bytes.readDoubleBE(8)]).toEqual([0xcb, 128]);
  expect([bytes[16], bytes.readDoubleBE(17)]).toEqual([0xcb, 1.5]);
  expect([...bytes.subarray(25)]).toEqual([0xdb, 0, 0, 0, 2, 0xc3, 0xa9]);
  packed.text("x".repeat(10_000));
  const long = packed.taken();
  expect([long.length, long.readUInt32BE(1)]).toEqual([10_010, 1]);
});
