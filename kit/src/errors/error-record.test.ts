import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError, type ErrorRecord, errorRecord, isRetryable, TimeoutError } from "./mod.ts";

describe("an error record", () => {
  test("holds name, message, code, stack and causes", () => {
    const record = errorRecord(new TimeoutError("claim", 5));
    expect(record).toMatchObject({ name: "TimeoutError", message: "claim took longer than 5 ms", code: "TIMEOUT" });
    expect(record.stack).toContain("error-record.test");
    const outer = errorRecord(new Error("outer", { cause: new RangeError("inner") }));
    expect(outer.cause).toMatchObject({ name: "RangeError", message: "inner" });
    expect(outer.cause?.cause).toBeUndefined();
  });

  test("writes a numeric code as text and leaves other codes out", () => {
    expect(errorRecord(Object.assign(new Error("x"), { code: 5 })).code).toBe("5");
    expect("code" in errorRecord(Object.assign(new Error("x"), { code: {} }))).toBe(false);
  });

  test("is bounded in depth and length, also for causes in a circle", () => {
    const loop = new Error("m".repeat(10_000));
    loop.cause = loop;
    loop.stack = "s".repeat(10_000);
    const record = errorRecord(loop);
    const depths: ErrorRecord[] = [];
    for (let at: ErrorRecord | undefined = record; at !== undefined; at = at.cause) depths.push(at);
    expect(depths).toHaveLength(5);
    expect(record.message).toHaveLength(2_048);
    expect(record.stack).toHaveLength(4_096);
  });

  test("never cuts a character in half", () => {
    expect(errorRecord(new Error("😀".repeat(3_000))).message.isWellFormed()).toBe(true);
    expect(errorRecord(new Error(`x${"😀".repeat(3_000)}`)).message.isWellFormed()).toBe(true);
  });

  test("shows the first error of an aggregate as its cause", () => {
    const record = errorRecord(new AggregateError([new Error("first"), new Error("second")], "all failed"));
    expect(record.cause?.message).toBe("first");
  });

  test("describes hostile values and never throws", () => {
    const throwing = Object.defineProperty(new Error("x"), "message", {
      get: () => {
        throw new Error("from the getter");
      },
    });
    const { proxy, revoke } = Proxy.revocable(new Error("x"), {});
    revoke();
    for (const hostile of [throwing, proxy, Object.create(null), { cause: proxy }, Symbol("s"), () => 1])
      expect(typeof errorRecord(hostile).message).toBe("string");
    expect(errorRecord("plain text")).toEqual({ name: "NonError", message: "plain text" });
  });

  test("is plain JSON, whatever is thrown", () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        const record = errorRecord(thrown);
        expect(JSON.parse(JSON.stringify(record))).toEqual(record);
      }),
    );
  });
});

test("retryable is what an error says of itself, and true for what says nothing", () => {
  expect(isRetryable(new TimeoutError("x", 1))).toBe(true);
  expect(isRetryable(new ConfigError("x", 1, "y"))).toBe(false);
  expect(isRetryable(new Error("x"))).toBe(true);
  expect(isRetryable(undefined)).toBe(true);
  expect(isRetryable({ retryable: false })).toBe(false);
});
