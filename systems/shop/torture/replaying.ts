import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One replay of the torture. */
export interface Replay {
  readonly file: string;
  readonly data: string;
  readonly limit: number;
  readonly seed: number;
  readonly spread: "on" | "off";
  /** Modules that each process loads first. */
  readonly preload?: readonly string[];
}

/** How a replay ended. */
export interface Ended {
  readonly code: number | null;
  /** Its totals, without what was measured; undefined when it printed none. */
  readonly totals: string | undefined;
  readonly output: string;
}

/** A replay that runs. */
export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Processes of its services, when it is spread. */
  services(): readonly number[];
}

const main = join(import.meta.dirname, "../main.js");

/** Starts a replay as its user would. */
export function startReplay({ data, file, limit, preload = [], seed, spread }: Replay): Running {
  const imports = preload.flatMap((module) => ["--import", module]);
  const options = ["--data", data, "--stock", "tight", "--faults", "some", "--seed", `${seed}`, "--limit", `${limit}`];
  const where = spread === "on" ? ["--spread"] : [];
  const args = ["--conditions=ashlar-source", ...imports, main, "replay", file, ...options, ...where, "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let notes = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (notes += chunk.toString()));
  const ended = once(child, "close").then(([code]): Ended => {
    return { code: code as number | null, totals: totalsIn(output), output: `${notes}\n${output}` };
  });
  return { process: child, ended, services: () => childrenOf(child.pid ?? 0) };
}

function totalsIn(output: string): string | undefined {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  if (!last.startsWith("{")) return undefined;
  const report = JSON.parse(last) as Record<string, unknown>;
  for (const measured of ["seconds", "ordersPerSecond", "stepLatencyMs"]) delete report[measured];
  return JSON.stringify(report);
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.trim().split(" ").filter(Boolean).map(Number);
  } catch {
    // It is gone, or this is no Linux.
    return [];
  }
}
