// Everything that can be checked without a server or a killed process, in one command: `npm run check`.
// `npm run check -- lint tidy` runs the named steps only.
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";

type Step = { readonly name: string; readonly program: string; readonly words: readonly string[] };
type Outcome = {
  readonly step: Step;
  readonly seconds: number;
  readonly passed: "yes" | "no";
  readonly output: string;
};

const root: string = join(import.meta.dirname, "..");
const bin: string = join(root, "node_modules/.bin");
const budgetSeconds = 60;

// The longest first, so that the short ones fill the gaps.
const steps: readonly Step[] = [
  { name: "tests", program: "vitest", words: ["run", "--exclude", "**/*.real.test.ts", "--reporter=dot"] },
  { name: "documentation", program: "node", words: ["tools/snippets.ts"] },
  { name: "types", program: "tsc", words: ["-p", "tsconfig.json", "--pretty", "false"] },
  { name: "declarations", program: "tsc", words: ["-p", "tsconfig.kit.json", "--pretty", "false"] },
  { name: "lint", program: "oxlint", words: ["--type-aware"] },
  { name: "unused", program: "knip", words: ["--no-progress", "--no-config-hints"] },
  { name: "tidy", program: "node", words: ["tools/tidy.ts"] },
  { name: "layers", program: "node", words: ["tools/layers.ts"] },
  { name: "exports", program: "node", words: ["tools/exports.ts", "--check"] },
  { name: "format", program: "oxfmt", words: ["--check"] },
];

function run(step: Step): Promise<Outcome> {
  const startedAtMs = performance.now();
  // The pinned tools, whatever this machine has installed.
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`, NO_COLOR: "1" };
  return new Promise((resolve, reject) => {
    const child = spawn(join(bin, step.program), step.words, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", reject);
    child.on("close", (code) => {
      const seconds = (performance.now() - startedAtMs) / 1_000;
      resolve({ step, seconds, passed: code === 0 ? "yes" : "no", output });
    });
  });
}

async function runAll(chosen: readonly Step[]): Promise<Outcome[]> {
  const waiting = [...chosen];
  const outcomes: Outcome[] = [];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) outcomes.push(await run(step));
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, lane));
  return chosen.flatMap((step) => outcomes.filter((outcome) => outcome.step === step));
}

function print(outcomes: readonly Outcome[], seconds: number): void {
  for (const { step, output } of outcomes.filter((outcome) => outcome.passed === "no")) {
    console.log(`── ${step.name}: ${step.program} ${step.words.join(" ")}\n${output.trimEnd()}\n`);
  }
  console.log("step           seconds  ok");
  for (const { step, seconds: own, passed } of outcomes) {
    console.log(`${step.name.padEnd(13)} ${own.toFixed(1).padStart(8)}  ${passed}`);
  }
  const late = seconds > budgetSeconds ? `, over the budget of ${budgetSeconds} s` : "";
  console.log(`${"all".padEnd(13)} ${seconds.toFixed(1).padStart(8)}  ${allPassed(outcomes) ? "yes" : "no"}${late}`);
}

function allPassed(outcomes: readonly Outcome[]): boolean {
  return outcomes.every((outcome) => outcome.passed === "yes");
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.log(`unknown step ${unknown.join(", ")}; there are ${steps.map((step) => step.name).join(", ")}`);
  process.exitCode = 2;
} else {
  const startedAtMs = performance.now();
  const outcomes = await runAll(names.length === 0 ? steps : steps.filter((step) => names.includes(step.name)));
  print(outcomes, (performance.now() - startedAtMs) / 1_000);
  process.exitCode = allPassed(outcomes) ? 0 : 1;
}
