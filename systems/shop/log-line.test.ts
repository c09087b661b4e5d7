import { expect, test } from "vitest";
import { logLine } from "./log-line.ts";

const refused = {
  time: "2026-01-01",
  level: "warn",
  requestId: "1",
  method: "POST",
  route: "orders@1.cancel",
  status: 409,
};

test("a log gets JSON, as it is", () => {
  expect(logLine(refused, "log")).toBe(`${JSON.stringify(refused)}\n`);
});

test.each([
  [refused, "warn: POST orders@1.cancel was answered with 409"],
  [
    { level: "error", message: "the call failed", service: "cart@1", error: { name: "Error", message: "burnt" } },
    "error: the call failed (cart@1): burnt",
  ],
  [{ message: "the call failed", service: "cart@1", operation: "cart@1.put" }, "error: the call failed (cart@1.put)"],
  [{ level: "error", message: "two\nlines,\u001B[2K and more" }, "error: two lines, [2K and more"],
])("people get one sentence of %o", (fields, sentence) => {
  expect(logLine(fields, "terminal")).toBe(`${sentence}\n`);
});

test("a sentence for people has an end", () => {
  expect(logLine({ level: "error", message: "a".repeat(1_000) }, "terminal")).toHaveLength(201);
});
