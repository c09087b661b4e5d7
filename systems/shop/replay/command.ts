import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import { openSqliteEngine } from "ashlar/engine/sqlite";
import { systemRandom } from "ashlar/random";
import type { ReplayConfig } from "../config.ts";
import { openOutside } from "../outside/mod.ts";
import { createShop } from "../shop.ts";
import { makeFolder } from "../make-folder.ts";
import { openMeasurements } from "./measurements-system.ts";
import { progressLine } from "./progress-line.ts";
import { replay } from "./replay.ts";
import { checkSource } from "./source.ts";
import { reportJson, reportText } from "./report.ts";

/** Where a command writes, and what may stop it. */
export interface Surroundings {
  readonly print: (text: string) => void;
  readonly note: (text: string) => void;
  readonly terminal: "terminal" | "log";
  readonly signal: AbortSignal;
}

/** `shop replay FILE`: opens the shop on a folder, replays, reports. Resolves to `sound` only when every invariant holds and nothing is open. */
export async function replayCommand(
  config: ReplayConfig,
  around: Surroundings,
): Promise<"sound" | "unsound" | "stopped"> {
  const { data, durability, seed, stock, faults } = config;
  const clock = systemClock;
  await checkSource(config.file);
  await makeFolder(data);
  using measured = openMeasurements();
  await using outside = await openOutside({ path: join(data, "outside.db"), faults, seed, clock });
  await using engine = await openSqliteEngine({ path: join(data, "shop.db"), durability, clock });
  await using shop = await createShop({
    engine,
    outside,
    clock,
    random: systemRandom,
    seed,
    stock,
    releases: "at day close",
    views: "on demand",
  });
  const progress = progressLine({ clock, write: around.note, output: around.terminal });
  const outcome = await replay({
    shop,
    clock,
    path: config.file,
    limit: config.limit,
    settings: { stock, faults, seed },
    signal: around.signal,
    onProgress: (state) => progress.show(state),
  });
  progress.end();
  around.print(reportText(outcome, measured));
  if (config.output === "json") around.print(`${reportJson(outcome, measured)}\n`);
  if (outcome.end === "stopped") return "stopped";
  return outcome.totals.invariants.every((invariant) => invariant.ok) && outcome.totals.orders.open === 0
    ? "sound"
    : "unsound";
}
