import { ConfigError } from "../errors/mod.ts";

/** The times of a cron expression as sorted lists of calendar numbers. */
export interface CronFields {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly months: readonly number[];
  readonly daysOfMonth: readonly number[];
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[];
  /** `either`: both day fields are restricted, and a day that fits one of them is enough, as cron has always had it. */
  readonly days: "either" | "both";
  /** `every`: the hour field begins with `*`, so the schedule follows the clock's running rather than its face. */
  readonly hourRule: "every" | "named";
}

interface FieldRule {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const second: FieldRule = { name: "second", min: 0, max: 59 };
const minute: FieldRule = { name: "minute", min: 0, max: 59 };
const hour: FieldRule = { name: "hour", min: 0, max: 23 };
const dayOfMonth: FieldRule = { name: "day of month", min: 1, max: 31 };
const month: FieldRule = {
  name: "month",
  min: 1,
  max: 12,
  names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
// 7 is Sunday too, so that Friday to Sunday can be written 5-7.
const dayOfWeek: FieldRule = {
  name: "day of week",
  min: 0,
  max: 7,
  names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/** Reads five fields (minute, hour, day of month, month, day of week) or six (a second before them). Throws {@link ConfigError}. */
export function parseCron(expression: string): CronFields {
  const parts = expression.trim().split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) throw refused(expression, "5 fields, or 6 with seconds");
  const [seconds = "0", minutes = "", hours = "", days = "", months = "", weekdays = ""] =
    parts.length === 6 ? parts : ["0", ...parts];
  const read = (text: string, rule: FieldRule): readonly number[] => parseField(text, rule, expression);
  return {
    seconds: read(seconds, second),
    minutes: read(minutes, minute),
    hours: read(hours, hour),
    daysOfMonth: read(days, dayOfMonth),
    months: read(months, month),
    daysOfWeek: sortedOnce(read(weekdays, dayOfWeek).map((day) => day % 7)),
    days: days.startsWith("*") || weekdays.startsWith("*") ? "both" : "either",
    hourRule: hours.startsWith("*") ? "every" : "named",
  };
}

function parseField(text: string, rule: FieldRule, expression: string): readonly number[] {
  return sortedOnce(text.split(",").flatMap((item) => parseItem(item, rule, expression)));
}

// One of: a star, 5, 5-9; each with an optional step after a slash. 5/10 runs from 5 to the end.
function parseItem(item: string, rule: FieldRule, expression: string): readonly number[] {
  const [range = "", stepText, ...surplus] = item.split("/");
  const step = stepText === undefined ? 1 : wholeNumber(stepText);
  if (surplus.length > 0 || step === undefined || step < 1)
    throw refused(expression, `a step of 1 or more in the ${rule.name}`);
  const [from, to] = bounds(range, rule, stepText === undefined ? "one" : "rest");
  if (from === undefined || to === undefined || from < rule.min || to > rule.max || from > to)
    throw refused(expression, `a ${rule.name} from ${rule.min} to ${rule.max}, a rising range, or *`);
  const numbers: number[] = [];
  for (let number = from; number <= to; number += step) numbers.push(number);
  return numbers;
}

function bounds(
  range: string,
  rule: FieldRule,
  single: "one" | "rest",
): readonly [from: number | undefined, to: number | undefined] {
  // A day of week goes to 6 here: a step over * must not count Sunday twice.
  const last = rule === dayOfWeek ? 6 : rule.max;
  if (range === "*") return [rule.min, last];
  const [first = "", end, ...surplus] = range.split("-");
  if (surplus.length > 0) return [undefined, undefined];
  const from = numberOf(first, rule);
  if (end !== undefined) return [from, numberOf(end, rule)];
  return [from, single === "one" ? from : last];
}

function numberOf(text: string, rule: FieldRule): number | undefined {
  const named = rule.names?.indexOf(text.toLowerCase()) ?? -1;
  return named >= 0 ? named + (rule === month ? 1 : 0) : wholeNumber(text);
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

function sortedOnce(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].toSorted((left, right) => left - right);
}

function refused(expression: string, expected: string): ConfigError {
  return new ConfigError("cron", expression, expected);
}
