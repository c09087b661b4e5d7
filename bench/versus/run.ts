// Prints the table of README.md: for each row ours, the rival's, the ratio, the durability classes and the machine's limit,
// all measured in this run, side after side, each in a process of its own. `node run.ts [ROW …] [--reps N] [--json FILE]`.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs, promisify } from "node:util";

import { median, type Figure, type Row } from "./frame.ts";
import { rows } from "./rows/all.ts";

const run = promisify(execFile);
const sideTimeoutMs = 180_000;

interface Result {
  readonly path: string;
  readonly unit: string;
  readonly bar: number;
  readonly ours: Figure;
  readonly rival: Figure | undefined;
  readonly limit: Figure | undefined;
  readonly fault: string | undefined;
}

async function measureSide(path: string, side: string): Promise<Figure> {
  const args = ["--conditions=ashlar-source", "--disable-warning=ExperimentalWarning", "side.ts", path, side];
  const { stdout } = await run(process.execPath, args, {
    cwd: import.meta.dirname,
    timeout: sideTimeoutMs,
    maxBuffer: 1e8,
  });
  const line = stdout.trim().split("\n").at(-1) ?? "";
  return JSON.parse(line) as Figure;
}

async function measureRow(row: Row, repetitions: number): Promise<Result> {
  const figures: Record<string, Figure[]> = { limit: [], ours: [], rival: [] };
  let fault: string | undefined;
  for (let round = 0; round < repetitions; round += 1) {
    for (const side of ["limit", "ours", "rival"] as const) {
      if (row[side] === undefined) continue;
      try {
        figures[side]?.push(await measureSide(row.path, side));
      } catch (error) {
        fault = `${side}: ${error instanceof Error ? error.message.split("\n").at(-2) : String(error)}`;
      }
    }
  }
  const ours = middle(figures["ours"]);
  if (ours === undefined) throw new Error(`${row.path}: ${fault ?? "our side gave no figure"}`);
  return {
    path: row.path,
    unit: row.unit,
    bar: row.bar,
    ours,
    rival: middle(figures["rival"]),
    limit: middle(figures["limit"]),
    fault,
  };
}

function middle(figures: readonly Figure[] | undefined): Figure | undefined {
  const first = figures?.[0];
  return first === undefined ? undefined : { ...first, value: median(figures?.map((figure) => figure.value) ?? []) };
}

function show(value: number | undefined): string {
  if (value === undefined) return "–";
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

function ratio(row: Row, ours: number, other: number | undefined): string {
  if (other === undefined) return "–";
  const factor = row.better === "higher" ? ours / other : other / ours;
  return `${factor >= 10 ? factor.toFixed(0) : factor.toFixed(2)}x`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reps: { type: "string", default: "3" }, json: { type: "string" } },
});
const chosen =
  positionals.length === 0 ? rows : rows.filter((row) => positionals.some((word) => row.path.includes(word)));
console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, Node ${process.version}, median of ${values.reps}\n`,
);
console.log("| path | ours (class) | rival (class) | ours : rival | machine's limit | ours : limit | bar |");
console.log("|---|---|---|---|---|---|---|");
const results: Result[] = [];
for (const row of chosen) {
  const result = await measureRow(row, Number(values.reps));
  results.push(result);
  const rival =
    result.rival === undefined ? "–" : `${show(result.rival.value)} ${result.rival.name} (${result.rival.durability})`;
  const limit = result.limit === undefined ? "–" : `${show(result.limit.value)} ${result.limit.name}`;
  console.log(
    `| ${row.path} | ${show(result.ours.value)} ${row.unit} (${result.ours.durability}; ${result.ours.name}) | ${rival} | ${ratio(row, result.ours.value, result.rival?.value)} | ${limit} | ${ratio(row, result.ours.value, result.limit?.value)} | ${show(row.bar)}${row.limitRatioBar === undefined ? "" : `, ${row.limitRatioBar}x limit`} |`,
  );
  if (result.fault !== undefined) console.log(`|  | not measured: ${result.fault} |  |  |  |  |  |`);
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
