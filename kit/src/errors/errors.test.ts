import { describe, expect, test } from "vitest";
import {
  ConfigError,
  DisposedError,
  invariant,
  InvariantError,
  KitError,
  TimeoutError,
  UnsupportedError,
} from "./mod.ts";

class NoStockError extends KitError {
  readonly code = "NO_STOCK";
  readonly retryable = true;
}

describe("a kit error", () => {
  test("is named after its class, also in the head of its stack", () => {
    const error = new NoStockError("none left");
    expect(error.name).toBe("NoStockError");
    expect(String(error)).toBe("NoStockError: none left");
    expect(error.stack?.split("\n")[0]).toBe("NoStockError: none left");
  });

  test("keeps its cause, and has none when none is given", () => {
    const cause = new Error("disk");
    expect(new NoStockError("none left", { cause }).cause).toBe(cause);
    expect("cause" in new NoStockError("none left")).toBe(false);
  });
});

describe("the shared errors", () => {
  test("say what happened, with a code and whether a retry helps", () => {
    const facts = [
      new ConfigError("leaseMs", -1, "an integer of 1 or more"),
      new InvariantError("sums are equal"),
      new UnsupportedError("delay", "the Redis engine", "use schedules"),
      new TimeoutError("claim", 250),
      new DisposedError("the queue"),
    ].map(({ code, retryable, message }) => [code, retryable, message]);
    expect(facts).toEqual([
      ["CONFIG", false, "option leaseMs is -1, expected an integer of 1 or more"],
      ["INVARIANT", false, "sums are equal"],
      ["UNSUPPORTED", false, "the Redis engine does not support delay: use schedules"],
      ["TIMEOUT", true, "claim took longer than 250 ms"],
      ["DISPOSED", false, "the queue is disposed"],
    ]);
  });

  test("a config error shows any value in a bounded text", () => {
    const shownOf = (value: unknown): string => new ConfigError("x", value, "y").message;
    expect(shownOf("a".repeat(1_000)).length).toBeLessThan(150);
    expect(shownOf(10n ** 1_000n).length).toBeLessThan(150);
    expect(shownOf(Symbol("s"))).toContain("Symbol(s)");
    expect(shownOf([1, 2])).toContain("an array of 2");
    expect(shownOf({ password: "secret" })).not.toContain("secret");
    expect(shownOf(() => 1)).toContain("a function");
    expect(shownOf(undefined)).toContain("undefined");
  });
});

test("an invariant passes what is truthy and throws its message otherwise", () => {
  expect(() => invariant(1, "never")).not.toThrow();
  expect(() => invariant(0, "one is not zero")).toThrow(new InvariantError("one is not zero"));
});
