import type { Violation } from "./violation.ts";

/** The size of something that must not grow without end, at one moment. */
export interface SizeSample {
  readonly name: string;
  readonly atMs: number;
  readonly size: number;
}

/** No sample is above the bound of its name. A name without a bound is a violation too, so that nothing goes unwatched. */
export function checkBounds(
  samples: Iterable<SizeSample>,
  bounds: Readonly<Record<string, number>>,
): readonly Violation[] {
  const worst = new Map<string, SizeSample>();
  for (const sample of samples)
    if (sample.size > (bounds[sample.name] ?? -1) && sample.size > (worst.get(sample.name)?.size ?? -1))
      worst.set(sample.name, sample);
  return [...worst.values()].map((sample) => {
    const bound = bounds[sample.name];
    const limit = bound === undefined ? "has no bound" : `at most ${bound} may be`;
    return { rule: "bounds", message: `${sample.size} in "${sample.name}", which ${limit}`, evidence: [sample] };
  });
}
