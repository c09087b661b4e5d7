// Prints the table of README.md: for each row ours, the rivals, the ratios, the durability classes and the machine's limit,
// all measured in this run, side after side, each in a process of its own. `node run.ts [ROW …] [--reps N] [--json FILE]`.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { parseArgs, promisify } from "node:util";
import { integerIn } from "ashlar/errors";
import { median, type Figure, type Row, type Result } from "./frame.ts";

const run = promisify(execFile);
const sideTimeoutMs = 180_000;
const usage = `npm run bench -- [ROW …] [--reps N] [--json FILE]

  ROW          a word of the names of the rows wanted; default all, which takes an hour
  --reps N     every side so many times, and the median of them; default 3
  --json FILE  the figures, also as JSON`;

async function measureSide(path: string, side: string): Promise<Figure> {
  const flags = ["--conditions=ashlar-source", "--disable-warning=ExperimentalWarning", "--expose-gc"];
  const { stdout } = await run(process.execPath, [...flags, "side.ts", path, side], {
    cwd: import.meta.dirname,
    timeout: sideTimeoutMs,
    maxBuffer: 1e8,
  });
  const line = stdout.trim().split("\n").at(-1) ?? "";
  return JSON.parse(line) as Figure;
}

async function measureRow(row: Row, repetitions: number): Promise<Result> {
  const rivals = (row.rivals ?? []).map((_, place) => String(place));
  const sides = [...(row.limit === undefined ? [] : ["limit"]), "ours", ...rivals];
  const figures = new Map<string, Figure[]>(sides.map((side) => [side, []]));
  const faults = new Map<string, string>();
  for (let round = 0; round < repetitions; round += 1)
    for (const side of sides)
      try {
        figures.get(side)?.push(await measureSide(row.path, side));
      } catch (error) {
        faults.set(side, error instanceof Error ? (error.message.split("\n").at(-2) ?? error.message) : String(error));
      }
  const ours = middle(figures.get("ours"));
  if (ours === undefined) throw new Error(`${row.path}: ${faults.get("ours") ?? "our side gave no figure"}`);
  return {
    path: row.path,
    unit: row.unit,
    bar: row.bar,
    ours,
    rivals: rivals.flatMap((side) => middle(figures.get(side)) ?? []),
    limit: middle(figures.get("limit")),
    faults: [...faults].map(([side, fault]) => `${side}: ${fault}`),
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

const classOf = ({ durability }: Figure): string => (durability === "" ? "" : ` (${durability})`);

function printRow(row: Row, { ours, rivals, limit, faults }: Result): void {
  const [first, ...others] = rivals.map((rival) => ({
    text: `${show(rival.value)} ${rival.name}${classOf(rival)}`,
    ratio: ratio(row, ours.value, rival.value),
  }));
  const limitText = limit === undefined ? "–" : `${show(limit.value)} ${limit.name}`;
  const bar = `${show(row.bar)}${row.limitRatioBar === undefined ? "" : `, ${row.limitRatioBar}x limit`}`;
  console.log(
    `| ${row.path} | ${show(ours.value)} ${row.unit} (${ours.durability === "" ? "" : `${ours.durability}; `}${ours.name}) | ${first?.text ?? "–"} | ${first?.ratio ?? "–"} | ${limitText} | ${ratio(row, ours.value, limit?.value)} | ${bar} |`,
  );
  for (const other of others) console.log(`| | | ${other.text} | ${other.ratio} | | | |`);
  for (const fault of faults) console.log(`| | not measured: ${fault} | | | | | |`);
}

/** Ends with one sentence. */
function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

function asked(): { readonly words: readonly string[]; readonly reps: number; readonly json: string | undefined } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { reps: { type: "string", default: "3" }, json: { type: "string" }, help: { type: "boolean" } },
    });
    if (values.help === true) {
      console.log(usage);
      process.exit(0);
    }
    return { words: positionals, reps: integerIn("--reps", Number(values.reps), { min: 1 }), json: values.json };
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

async function allRows(): Promise<readonly Row[]> {
  try {
    return (await import("./rows/all.ts")).rows;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    return refuse(
      "the rivals are not installed: npm install --prefix bench/versus --workspaces=false\n(" + error.message + ")",
    );
  }
}

const { words, reps, json } = asked();
const rows = await allRows();
const chosen = words.length === 0 ? rows : rows.filter((row) => words.some((word) => row.path.includes(word)));
if (chosen.length === 0)
  refuse(`no row has ${words.join(" or ")} in its name; there are\n${rows.map(({ path }) => `  ${path}`).join("\n")}`);
console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, Node ${process.version}, median of ${reps}\n`,
);
console.log("| path | ours (class) | rival (class) | ours : rival | machine's limit | ours : limit | bar |");
console.log("|---|---|---|---|---|---|---|");
const results: Result[] = [];
for (const row of chosen) {
  const result = await measureRow(row, reps);
  results.push(result);
  printRow(row, result);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, undefined, 2)}\n`);
}
