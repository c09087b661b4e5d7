import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../errors/mod.ts";
import { cron } from "./cron.ts";
import { parseCron } from "./cron-fields.ts";
import { timeZone } from "./time-zone.ts";

const minuteMs = 60_000;
const iso = (ms: number): string => new Date(ms).toISOString().replace(".000Z", "Z");
const nextOf = (expression: string, after: string, zone = "UTC"): string =>
  iso(cron(expression, { timeZone: zone }).next(Date.parse(after)));

test.each([
  ["*/5 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"],
  ["*/5 * * * *", "2026-01-01T00:04:59.999Z", "2026-01-01T00:05:00Z"],
  ["0 9 * * mon-fri", "2026-11-20T09:00:00Z", "2026-11-23T09:00:00Z"],
  ["30 4 1,15 * *", "2026-01-02T00:00:00Z", "2026-01-15T04:30:00Z"],
  ["0 0 1 1 *", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"],
  ["0 12 29 feb *", "2026-01-01T00:00:00Z", "2028-02-29T12:00:00Z"],
  ["0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"],
  ["15 10 * * 7", "2026-11-20T00:00:00Z", "2026-11-22T10:15:00Z"],
  ["0 0 13 * fri", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z"],
  ["10-20/5 * * * *", "2026-01-01T00:11:00Z", "2026-01-01T00:15:00Z"],
  ["50/4 * * * *", "2026-01-01T00:51:00Z", "2026-01-01T00:54:00Z"],
  ["*/15 * * * * *", "2026-01-01T00:00:07Z", "2026-01-01T00:00:15Z"],
  ["0 0 29 2 1", "2028-03-01T00:00:00Z", "2029-02-05T00:00:00Z"],
])("%s after %s is %s", (expression, after, expected) => {
  expect(nextOf(expression, after)).toBe(expected);
});

describe("when clocks change", () => {
  test("a skipped time fires at the first instant after the gap, once", () => {
    const berlin = cron("15,45 2 * * *", { timeZone: "Europe/Berlin" });
    const first = berlin.next(Date.parse("2026-03-28T12:00:00Z"));
    expect([first, berlin.next(first)].map(iso)).toEqual(["2026-03-29T01:00:00Z", "2026-03-30T00:15:00Z"]);
  });

  test("a time that comes twice fires the first time only, whenever one asks", () => {
    expect(nextOf("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin")).toBe("2026-10-25T00:30:00Z");
    expect(nextOf("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin")).toBe("2026-10-26T01:30:00Z");
    expect(nextOf("30 2 * * *", "2026-10-25T01:05:00Z", "Europe/Berlin")).toBe("2026-10-26T01:30:00Z");
  });

  test("with * as hour the schedule follows the running of the clock", () => {
    expect(nextOf("*/30 * * * *", "2026-10-25T00:30:00Z", "Europe/Berlin")).toBe("2026-10-25T01:00:00Z");
    expect(nextOf("30 * * * *", "2026-03-29T00:30:00Z", "Europe/Berlin")).toBe("2026-03-29T01:30:00Z");
  });
});

test("next is what a search minute by minute finds, around clock changes of several zones", () => {
  const part = (max: number, min = 0): fc.Arbitrary<string> =>
    fc.oneof(
      { weight: 2, arbitrary: fc.constant("*") },
      fc.integer({ min: 2, max: 9 }).map((step) => `*/${step}`),
      fc.array(fc.integer({ min, max }), { minLength: 1, maxLength: 3 }).map((list) => list.join(",")),
    );
  const expressions = fc
    .tuple(part(59), fc.oneof(part(23), part(3)), fc.constant("*"), fc.constant("*"), part(7))
    .map((fields) => fields.join(" "));
  const changes = fc.constantFrom(
    ["Europe/Berlin", "2026-03-29T01:00:00Z"],
    ["Europe/Berlin", "2026-10-25T01:00:00Z"],
    ["America/New_York", "2026-11-01T06:00:00Z"],
    ["Australia/Lord_Howe", "2026-04-04T15:00:00Z"],
    ["Australia/Lord_Howe", "2026-10-03T15:30:00Z"],
    ["Asia/Kathmandu", "2026-05-05T05:00:00Z"],
  );
  const startMinutes = fc.integer({ min: -300, max: 120 });
  fc.assert(
    fc.property(expressions, changes, startMinutes, (expression, [zone = "", change = ""], minutes) => {
      const afterMs = Date.parse(change) + minutes * minuteMs;
      const found = cron(expression, { timeZone: zone }).next(afterMs);
      const searched = searchedByMinute(expression, zone, afterMs);
      if (searched !== undefined) expect(iso(found)).toBe(iso(searched));
      else expect(found).toBeGreaterThan(afterMs + horizonMinutes * minuteMs);
    }),
    { numRuns: 40 },
  );
});

const horizonMinutes = 500;
const offsets = new Map<string, number>();

function offsetOf(zone: string, atMs: number): number {
  const key = `${zone} ${atMs}`;
  const known = offsets.get(key) ?? timeZone(zone).offsetAt(atMs);
  offsets.set(key, known);
  return known;
}

/** The rules once more, said instant by instant. */
function searchedByMinute(expression: string, zone: string, afterMs: number): number | undefined {
  const fields = parseCron(expression);
  const fits = (local: number): boolean => {
    const at = new Date(local);
    return (
      fields.minutes.includes(at.getUTCMinutes()) &&
      fields.hours.includes(at.getUTCHours()) &&
      fields.daysOfWeek.includes(at.getUTCDay())
    );
  };
  for (let at = afterMs + minuteMs; at <= afterMs + horizonMinutes * minuteMs; at += minuteMs) {
    const offset = offsetOf(zone, at);
    const before = offsetOf(zone, at - minuteMs);
    const isNamed = fields.hourRule === "named";
    const skippedUntil = isNamed ? at + offset : 0;
    for (let local = at + before; local < skippedUntil; local += minuteMs) if (fits(local)) return at;
    const isRepeat = [30, 60].some((minutes) => {
      const earlier = at - minutes * minuteMs;
      return earlier + offsetOf(zone, earlier) === at + offset;
    });
    if (fits(at + offset) && !(isNamed && isRepeat)) return at;
  }
  return undefined;
}

test.each([
  "",
  "* * * *",
  "60 * * * *",
  "* 24 * * *",
  "* * 0 * *",
  "* * * 13 *",
  "* * * * 8",
  "a * * * *",
  "9-5 * * * *",
  "*/0 * * * *",
  "1-2-3 * * * *",
  "*/5/5 * * * *",
  "0 0 31 2 *",
  "-1 * * * *",
])("%j is refused", (expression) => {
  expect(() => cron(expression)).toThrow(ConfigError);
});

test("an unknown time zone is refused", () => {
  expect(() => cron("* * * * *", { timeZone: "Mars/Olympus" })).toThrow(ConfigError);
});
