import { RefusedError, type Engine } from "ashlar/engine";

const cell = { space: "live", key: "runs" };
const roundsMax = 100;

/** The number of this run on these data, 1 for the first; no two runs get the same, whatever becomes of them. */
export async function nextRun(engine: Engine): Promise<number> {
  for (let round = 1; ; round++) {
    const [last] = await engine.get([cell]);
    const run = last === undefined ? 1 : Number(last.value) + 1;
    const result = await engine.commit([{ op: "put", cell, expect: last?.version ?? "absent", value: String(run) }]);
    if (result.committed) return run;
    if (round === roundsMax) throw new RefusedError(result.refusal);
  }
}
