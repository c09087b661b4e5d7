import assert from "node:assert/strict";
import type { Step } from "./history.ts";
import { runHistory } from "./run-history.ts";
import { shrink } from "./shrink.ts";
import type { OpenWhole } from "./whole.ts";

const shrinkRunsMax = 400;

/** Runs the history of a seed on the engine and the model. A difference is shrunk and reported with seed, steps and first cause. */
export async function proveHistory(openEngine: OpenWhole, history: readonly Step[], seed: number): Promise<void> {
  if ((await faultOf(openEngine, history)) === undefined) return;
  const smallest = await shrink(
    history,
    async (smaller) => (await faultOf(openEngine, smaller)) !== undefined,
    shrinkRunsMax,
  );
  const fault = await faultOf(openEngine, smallest);
  const shown = smallest.map((step) => JSON.stringify(step)).join("\n");
  assert.fail(
    `history of seed ${seed} with ${history.length} steps, shrunk to ${smallest.length}:\n${shown}\n\n${fault}`,
  );
}

async function faultOf(openEngine: OpenWhole, history: readonly Step[]): Promise<string | undefined> {
  try {
    await runHistory(openEngine, history);
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ""}` : String(error);
  }
}
