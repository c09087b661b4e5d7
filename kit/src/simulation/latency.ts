import { ConfigError, numberIn } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";

/** How long something takes, in milliseconds. */
export type Latency =
  | { readonly kind: "fixed"; readonly ms: number }
  | { readonly kind: "uniform"; readonly minMs: number; readonly maxMs: number }
  /** At least `minMs`, `meanMs` on average. */
  | { readonly kind: "exponential"; readonly minMs: number; readonly meanMs: number }
  /** `medianMs` for one half; `spread` is the standard deviation of the logarithm: 0.5 is usual, 1.5 has a heavy tail. */
  | { readonly kind: "log-normal"; readonly medianMs: number; readonly spread: number };

const yearMs = 31_536_000_000;

/** Throws {@link ConfigError} for a law that cannot be drawn from. */
export function checkLatency(option: string, law: Latency): Latency {
  const ms = (name: string, value: number): number => numberIn(`${option}.${name}`, value, { min: 0, max: yearMs });
  switch (law.kind) {
    case "fixed":
      ms("ms", law.ms);
      return law;
    case "uniform":
      if (ms("minMs", law.minMs) > ms("maxMs", law.maxMs))
        throw new ConfigError(`${option}.minMs`, law.minMs, `${law.maxMs} or less, as maxMs is`);
      return law;
    case "exponential":
      if (ms("minMs", law.minMs) > ms("meanMs", law.meanMs))
        throw new ConfigError(`${option}.minMs`, law.minMs, `${law.meanMs} or less, as meanMs is`);
      return law;
    case "log-normal":
      ms("medianMs", law.medianMs);
      numberIn(`${option}.spread`, law.spread, { min: 0, max: 5 });
      return law;
    default:
      throw new ConfigError(option, law satisfies never, "a law of latency");
  }
}

export function drawLatency(law: Latency, random: Random): number {
  switch (law.kind) {
    case "fixed":
      return law.ms;
    case "uniform":
      return law.minMs + random.next() * (law.maxMs - law.minMs);
    case "exponential":
      return law.minMs - Math.log(1 - random.next()) * (law.meanMs - law.minMs);
    case "log-normal":
      return law.medianMs * Math.exp(law.spread * normal(random));
    default:
      throw new TypeError(`unknown law ${String(law satisfies never)}`);
  }
}

/** Box and Muller; the second value of each pair is not used, so that every draw takes the same number of words. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}
