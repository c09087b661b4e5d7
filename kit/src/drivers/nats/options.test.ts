import { describe, expect, test } from "vitest";
import { seededRandom } from "../../random/mod.ts";
import { ConfigError } from "../../errors/mod.ts";
import { Pauses } from "./connector.ts";
import { resolveNats } from "./options.ts";

test("an address gives servers, user and password; options stand above it", () => {
  const resolved = resolveNats({ url: ["nats://app:p%40ss@one:4223", "nats://two"], domain: "hub" });
  expect(resolved).toMatchObject({
    servers: ["one:4223", "two"],
    user: "app",
    password: "p@ss",
    apiPrefix: "$JS.hub.API",
  });
  expect(resolved.tls).toBeUndefined();
  expect(resolveNats({ url: "tls://app:one@host", password: "two" })).toMatchObject({ password: "two", tls: "verify" });
});

describe("what cannot be is refused, and a password is not shown", () => {
  for (const url of ["", "http://user:secret@host", "nats://", []])
    test(`url ${JSON.stringify(url)}`, () => {
      expect(() => resolveNats({ url })).toThrow(ConfigError);
      expect(() => resolveNats({ url })).not.toThrow(/secret/);
    });
  test("ranges and names", () => {
    const url = "nats://host";
    expect(() => resolveNats({ url, requestsMax: 0 })).toThrow(/requestsMax/);
    expect(() => resolveNats({ url, answerMaxMs: 0 })).toThrow(/answerMaxMs/);
    expect(() => resolveNats({ url, application: "a b" })).toThrow(/application/);
  });
});

test("pauses grow to a second, each between a half and the whole, and begin anew", () => {
  const pauses = new Pauses(seededRandom(1));
  const drawn = Array.from({ length: 8 }, () => pauses.next());
  const whole = [25, 50, 100, 200, 400, 800, 1_000, 1_000];
  for (const [index, pauseMs] of drawn.entries()) {
    expect(pauseMs).toBeGreaterThanOrEqual((whole[index] ?? 0) / 2);
    expect(pauseMs).toBeLessThanOrEqual(whole[index] ?? 0);
  }
  pauses.reset();
  expect(pauses.next()).toBeLessThanOrEqual(25);
});
