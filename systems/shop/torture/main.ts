// `npm run torture`: a shop on real files, hurt in every way that a machine has, until so many kills or minutes are reached. Exit status 0
// when nothing was lost, doubled or damaged.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "ashlar/clock";
import { config, describeConfig, durationOption, intOption, loadConfig, optional, textOption } from "ashlar/config";
import { seededRandom } from "ashlar/random";
import { writeMadeOrders } from "../made-orders.test-data.ts";
import { orderFile } from "../order-files.test-data.ts";
import { startReplay } from "./replaying.ts";
import { lookAt, rounds, type Counts, type Round } from "./rounds.ts";

const options = config({
  kills: intOption({ flag: "kills", default: 1_000, min: 1, max: 1_000_000, describe: "stop after so many kills" }),
  withinMs: durationOption({ flag: "within", default: 3_600_000, describe: "stop in any case after this time" }),
  seed: intOption({ flag: "seed", default: 1, min: 0, describe: "decides when who is hurt" }),
  limit: intOption({ flag: "limit", default: 500, min: 10, describe: "invoices a round" }),
  only: optional(textOption({ flag: "only", describe: "rounds whose name has this text" })),
});

/** Replays undisturbed, for the totals that every round has to end with. */
async function undisturbed(file: string, limit: number, data: string): Promise<string> {
  const { code, output, totals } = await startReplay({ file, limit, data, seed: 7, spread: "off" }).ended;
  if (code !== 0 || totals === undefined) throw new Error(`the undisturbed replay failed: ${output}`);
  return totals;
}

async function torture(argv: readonly string[]): Promise<number> {
  const told = { argv: [...argv], env: {} };
  const { help, helpAsked } = describeConfig(options, told);
  if (helpAsked) {
    process.stdout.write(`${help}\n`);
    return 0;
  }
  const { kills, limit, only = "", seed, withinMs } = loadConfig(options, told);
  const random = seededRandom(`torture ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), "shop-torture-"));
  const counts: Counts = { kills: 0, stops: 0, fullDisks: 0, looks: 0, faults: [] };
  const startedMs = systemClock.monotonic();
  const seconds = (): string => ((systemClock.monotonic() - startedMs) / 1_000).toFixed(0);
  const chosen = possible(rounds.filter(({ name }) => name.includes(only)));
  let done = 0;
  try {
    const made = join(folder, "orders.csv");
    if (orderFile("orders-2010-12.csv.gz") === undefined) writeMadeOrders(made, { invoices: limit, seed: 7 });
    const file = orderFile("orders-2010-12.csv.gz") ?? made;
    const expected = await undisturbed(file, limit, join(folder, "undisturbed"));
    while (counts.kills < kills && systemClock.monotonic() - startedMs < withinMs && counts.faults.length === 0) {
      const round = chosen[done % chosen.length];
      if (round === undefined) break;
      const data = join(folder, `round-${++done}`);
      const replay = { file, limit, data, seed: 7 };
      const ended = await round.run({ replay, random, counts, looked: () => lookAt(data, counts) });
      if (ended.totals !== expected)
        counts.faults.push(`${round.name}: ended with ${ended.code}\n${tail(ended.output)}`);
      const { kills: killed, stops, fullDisks } = counts;
      const sums = `${killed} kills, ${stops} stops, ${fullDisks} full disks`;
      process.stdout.write(`${seconds()} s  round ${done}, ${round.name}: ${sums} so far\n`);
      if (counts.faults.length === 0) rmSync(data, { recursive: true, force: true });
    }
  } finally {
    if (counts.faults.length === 0) rmSync(folder, { recursive: true, force: true });
  }
  return report(counts, { done, folder, seconds: seconds() });
}

function possible(all: readonly Round[]): readonly Round[] {
  return all.filter(({ impossible, name }) => {
    const reason = impossible?.();
    if (reason !== undefined) process.stdout.write(`left out: ${name}, because ${reason}\n`);
    return reason === undefined;
  });
}

function report(
  counts: Counts,
  { done, folder, seconds }: { readonly done: number; readonly folder: string; readonly seconds: string },
): number {
  const { faults, fullDisks, kills, looks, stops } = counts;
  process.stdout.write(
    `${done} rounds in ${seconds} s: ${kills} kills, ${stops} stops, ${fullDisks} full disks, files looked at ${looks} times\n`,
  );
  if (faults.length === 0) {
    process.stdout.write(
      "Nothing was lost, doubled or damaged: every round ended with the totals of an undisturbed one.\n",
    );
    return 0;
  }
  process.stdout.write(`${faults.length} FAULTS, files in ${folder}\n${faults.join("\n")}\n`);
  return 1;
}

function tail(text: string): string {
  return text.slice(-4_000);
}

process.exitCode = await torture(process.argv.slice(2));
