// Documentation that nobody runs rots. Every `ts` fence of the repository's documents is type-checked, all in one run
// of tsc, and executed with the pinned Node against the kit's source. `ts no-run` is only checked, `ts fragment` only parsed.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { parseSync } from "oxc-parser";
import { fencesOf, inDocuments, programPath, programText, type Fence } from "./fences.ts";
import { lineAt, textFiles, type Finding } from "./repository.ts";

const runAtOnce = 2;
const runTimeoutMs = 20_000;
// All fences in one run, on machines that have other work to do.
const compileTimeoutMs = 180_000;
const outputMaxLines = 12;
const packages: string = join(import.meta.dirname, "..");

/** Checks every fence of the documents below `root`; imports resolve as they do in this repository. */
export async function checkSnippets(
  root: string,
): Promise<{ readonly fences: number; readonly findings: readonly Finding[] }> {
  const documents = textFiles(root).filter((file) => file.path.endsWith(".md") && !file.path.startsWith("bench/"));
  const parts = documents.map(fencesOf);
  const fences = parts.flatMap((part) => part.fences);
  const marks = parts.flatMap((part) => part.findings);
  // Outside the repository, because a run that is killed must not leave programs in the tree.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "ashlar-snippets-")));
  try {
    writePrograms(
      folder,
      fences.filter((fence) => fence.use !== "parse"),
    );
    const [types, runs] = await Promise.all([typeFindings(folder, fences), runFindings(folder, fences)]);
    return { fences: fences.length, findings: [...marks, ...fences.flatMap(syntaxFindings), ...types, ...runs] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writePrograms(folder: string, fences: readonly Fence[]): void {
  symlinkSync(join(packages, "node_modules"), join(folder, "node_modules"));
  const tsconfig = {
    extends: join(packages, "tsconfig.json"),
    // An example may name a value that it does not go on to use, and exports nothing.
    compilerOptions: {
      noUnusedLocals: false,
      noUnusedParameters: false,
      isolatedDeclarations: false,
      declaration: false,
    },
    include: ["**/*.ts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  for (const fence of fences) {
    const path = join(folder, programPath(fence));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, programText(fence));
  }
}

function syntaxFindings(fence: Fence): Finding[] {
  if (fence.use !== "parse") return [];
  const text = programText(fence);
  return parseSync("fragment.ts", text).errors.map((error) => ({
    file: fence.file,
    line: lineAt(text, error.labels[0]?.start ?? 0),
    problem: error.message,
    instead: "a fragment that parses",
  }));
}

async function typeFindings(folder: string, fences: readonly Fence[]): Promise<Finding[]> {
  if (fences.every((fence) => fence.use === "parse")) return [];
  const tsc = join(packages, "node_modules/typescript/bin/tsc");
  const { output, status } = await finished(
    folder,
    [tsc, "-p", "tsconfig.json", "--pretty", "false"],
    compileTimeoutMs,
  );
  if (status === "0") return [];
  const findings = output.split("\n").flatMap((line) => {
    const match = /^(?<file>.*\.md)\.L\d+\.ts\((?<line>\d+),\d+\): (?<problem>.*)$/.exec(line)?.groups;
    if (match === undefined) return [];
    const { file = "", problem = "" } = match;
    return [{ file, line: Number(match["line"]), problem, instead: "code that compiles" }];
  });
  // An error elsewhere (the configuration, the kit) must not pass for success.
  return findings.length > 0
    ? findings
    : [{ file: "tsconfig.json", line: 1, problem: output.trim(), instead: "see tsc" }];
}

async function runFindings(folder: string, fences: readonly Fence[]): Promise<Finding[]> {
  const waiting = fences.filter((fence) => fence.use === "run");
  const findings: Finding[] = [];
  const lane = async (): Promise<void> => {
    for (let fence = waiting.shift(); fence !== undefined; fence = waiting.shift()) {
      findings.push(...(await runFinding(folder, fence)));
    }
  };
  await Promise.all(Array.from({ length: runAtOnce }, lane));
  return findings.toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

async function runFinding(folder: string, fence: Fence): Promise<Finding[]> {
  // Its own working folder, so that a file which an example opens is nobody else's.
  const place = mkdtempSync(join(folder, "run-"));
  const program = join(folder, programPath(fence));
  const { output, status } = await finished(place, ["--conditions=ashlar-source", program]);
  if (status === "0") return [];
  const text = inDocuments(output, folder).trim().split("\n").slice(0, outputMaxLines).join("\n  ");
  const problem = `${status === "timeout" ? `still running after ${runTimeoutMs} ms` : `ended with ${status}`}\n  ${text}`;
  return [{ file: fence.file, line: fence.line, problem, instead: "code that runs and ends, or the mark no-run" }];
}

type Finished = { readonly output: string; readonly status: string };

function finished(cwd: string, commandLine: readonly string[], timeoutMs: number = runTimeoutMs): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, commandLine, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ output, status: isLate ? "timeout" : String(code ?? signal) });
    });
  });
}

if (import.meta.main) {
  const { fences, findings } = await checkSnippets(packages);
  for (const { file, line, problem, instead } of findings)
    console.log(`${file}:${line}: ${problem}; instead: ${instead}`);
  console.log(`${fences} fences, ${findings.length} findings`);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
