import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Clock } from "../clock/mod.ts";
import { fixedWindow, type Rule, slidingLog, tokenBucket } from "./mod.ts";

/** One row of expected counts: what a policy lets pass of the whole trace. */
export interface Expected {
  readonly policy: string;
  readonly parameters: Readonly<Record<string, number>>;
  readonly offered: number;
  readonly allowed: number;
}

/** Arrivals in microseconds since 1970, and the counts that exact arithmetic finds for them. */
export interface Trace {
  readonly arrivalsUs: readonly number[];
  readonly expected: readonly Expected[];
}

const folder = join(
  process.env["ASHLAR_DATA"] ?? join(import.meta.dirname, "../../../../shared/data"),
  "arrivals-azure-llm",
);

/** The trace of real requests beside the checkout; undefined without one. */
export function arrivals(): Trace | undefined {
  const file = join(folder, "AzureLLMInferenceTrace_code.csv.gz");
  if (!existsSync(file)) return undefined;
  const rows = gunzipSync(readFileSync(file)).toString().trim().split(/\r?\n/).slice(1);
  const counts = readFileSync(join(folder, "expected-limits.csv"), "utf8").trim().split(/\r?\n/).slice(1);
  return {
    arrivalsUs: rows.map((row) => microseconds(row.slice(0, row.indexOf(",")))),
    expected: counts.map(expectedOf),
  };
}

/** The rule of a row. */
export function ruleOf({ policy, parameters }: Expected): Rule {
  const { limit = 1, window_s: seconds = 1, rate_per_s: rate = 1, burst = 1 } = parameters;
  if (policy === "fixed_window_epoch_aligned") return fixedWindow({ limit, windowMs: seconds * 1_000 });
  if (policy === "sliding_log") return slidingLog({ limit, windowMs: seconds * 1_000 });
  return tokenBucket({ limit: rate, windowMs: 1_000, burst });
}

/** A clock that stands at the first whole second of the trace, and is moved by `set`. Microseconds are exact. */
export function traceClock(startUs: number): Pick<Clock, "now" | "monotonic"> & { set(timeUs: number): void } {
  const originMs = Math.floor(startUs / 1_000_000) * 1_000;
  let sinceUs = 0;
  return {
    now: () => originMs + Math.floor(sinceUs / 1_000),
    monotonic: () => sinceUs / 1_000,
    set: (timeUs) => (sinceUs = timeUs - originMs * 1_000),
  };
}

/** "2023-11-16 18:17:03.9799600": the trace has seven digits, of which the last is always 0. */
function microseconds(stamp: string): number {
  const [, whole = "", fraction = ""] = /^(\S+ \S+)\.(\d{7})$/.exec(stamp) ?? [];
  return Date.parse(`${whole.replace(" ", "T")}Z`) * 1_000 + Number(fraction) / 10;
}

function expectedOf(line: string): Expected {
  const [policy = "", parameters = "", offered = "", allowed = ""] = line.split(",");
  const pairs = parameters.split(";").map((pair) => pair.split("="));
  return {
    policy,
    parameters: Object.fromEntries(pairs.map(([name = "", value]) => [name, Number(value)])),
    offered: Number(offered),
    allowed: Number(allowed),
  };
}
