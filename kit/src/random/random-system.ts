import { randomFillSync } from "node:crypto";
import { drawsFrom } from "./draws.ts";
import type { Random } from "./random.ts";

// 4 kB a refill: one call into the kernel's generator serves 512 draws, about 10 ns each.
const words = new Uint32Array(1_024);
let used = words.length;

function next(): number {
  if (used >= words.length) {
    randomFillSync(words);
    used = 0;
  }
  const high = words[used++] ?? 0;
  const low = words[used++] ?? 0;
  return ((high >>> 6) * 134_217_728 + (low >>> 5)) / 9_007_199_254_740_992;
}

/** The operating system's generator: unpredictable, different in every process. A named stream of it is the same source. */
export const systemRandom: Random = drawsFrom(next, () => systemRandom);
