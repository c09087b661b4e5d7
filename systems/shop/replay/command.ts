import { systemClock } from "ashlar/clock";
import { idSource, systemRandom } from "ashlar/random";
import type { ReplayConfig } from "../config.ts";
import { settingsOf, type ShopSettings } from "../settings.ts";
import type { ShopClients } from "../shop-clients.ts";
import { runShop } from "../shop-run.ts";
import { visitShop } from "../shop-visit.ts";
import { saidWhenSlow } from "../slow-opening.ts";
import { storageOf } from "../storage/mod.ts";
import { openCommits } from "./commits.ts";
import { type ProgressLine, progressLine } from "./progress-line.ts";
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

/** `shop replay FILE`: runs the shop on a folder, replays, reports. Resolves to `sound` only when every invariant holds and nothing is open. */
export async function replayCommand(
  config: ReplayConfig,
  around: Surroundings,
): Promise<"sound" | "unsound" | "stopped"> {
  const { file, limit } = config;
  const clock = systemClock;
  await checkSource(file);
  using commits = openCommits();
  const settings = settingsOf(config, "at day close");
  const progress = progressLine({ clock, write: around.note, output: around.terminal });
  const { where } = storageOf(settings);
  await using shop = await saidWhenSlow(openShop(config, settings, progress), { clock, note: around.note, where });
  const outcome = await replay({
    shop,
    clock,
    path: file,
    limit,
    importer: idSource({ clock, random: systemRandom })(),
    signal: around.signal,
    onProgress: (state) => progress.show(state),
  });
  progress.end();
  around.print(reportText(outcome, commits));
  if (config.output === "json") around.print(`${reportJson(outcome)}\n`);
  if (outcome.end === "stopped") return "stopped";
  return outcome.totals.invariants.every((invariant) => invariant.ok) && outcome.totals.orders.open === 0
    ? "sound"
    : "unsound";
}

function openShop(
  { services, spread }: ReplayConfig,
  settings: ShopSettings,
  { beside }: ProgressLine,
): Promise<ShopClients & AsyncDisposable> {
  if (services === "elsewhere") return visitShop(settings, "replay");
  return runShop(settings, {
    spread,
    log: ({ level, ...line }) => {
      if (level === "error") beside(line);
    },
  });
}
