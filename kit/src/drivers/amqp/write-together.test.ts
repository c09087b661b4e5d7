import { expect, test } from "vitest";
import { writeTogether } from "./write-together.ts";

function recorded() {
  const written: string[] = [];
  const later: (() => void)[] = [];
  const stream = {
    writableNeedDrain: false,
    write: (chunk: Uint8Array) => written.push(Buffer.from(chunk).toString()) > 0,
    end: () => written.push("end"),
    destroy: () => undefined,
  };
  writeTogether(stream, (flush) => later.push(flush));
  const turnOver = (): void => later.splice(0).forEach((flush) => flush());
  return { stream, written, turnOver };
}

test("what is written in one turn leaves as one, in its order", () => {
  const { stream, written, turnOver } = recorded();
  for (const text of ["a", "b", "c"]) stream.write(Buffer.from(text));
  expect(written).toEqual([]);
  turnOver();
  stream.write(Buffer.from("d"));
  turnOver();
  expect(written).toEqual(["abc", "d"]);
});

test("what is gathered leaves before the end", () => {
  const { stream, written, turnOver } = recorded();
  stream.write(Buffer.from("good-bye"));
  stream.end();
  turnOver();
  expect(written).toEqual(["good-bye", "end"]);
});

test("more than is put together leaves at once, and a full stream says so", () => {
  const { stream, written } = recorded();
  expect(stream.write(Buffer.from("a"))).toBe(true);
  stream.writableNeedDrain = true;
  expect(stream.write(Buffer.alloc(65_536, "b"))).toBe(false);
  expect(written.map((text) => text.length)).toEqual([65_537]);
});
