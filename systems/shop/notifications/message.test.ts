import { expect, test } from "vitest";
import { endMessage, refundMessage } from "./message.ts";

test("a message says what became of what, and a customer is told by the same channel every time", () => {
  const confirmed = endMessage(1, { order: "1", status: "confirmed", to: "ada" });
  const rejected = endMessage(1, { order: "1", status: "rejected", to: "ada" });
  const refunded = refundMessage(1, { return: "2", to: "ada" });
  expect([confirmed, rejected, refunded].map(({ key }) => key)).toEqual([
    "order-confirmed/1",
    "order-rejected/1",
    "return-refunded/2",
  ]);
  expect(new Set([confirmed, rejected, refunded].map(({ channel }) => channel)).size).toBe(1);
  const people = Array.from({ length: 60 }, (_, to) => endMessage(1, { order: "1", status: "confirmed", to: `${to}` }));
  expect(new Set(people.map(({ channel }) => channel)).size).toBe(3);
});
