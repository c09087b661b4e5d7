import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSqliteEngine, type SqliteEngine } from "../engine/sqlite/mod.ts";

/** A worker process: see worker.test-process.ts. Killed when disposed. */
export class WorkerProcess implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #ring: () => void = () => undefined;
  #rest = "";
  #hasEnded = false;

  constructor(file: string, scene: string, seed = 0) {
    const program = fileURLToPath(new URL("worker.test-process.ts", import.meta.url));
    const args = [
      "--conditions=ashlar-source",
      "--disable-warning=ExperimentalWarning",
      program,
      file,
      scene,
      String(seed),
    ];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    this.#ended = new Promise((resolve) => {
      this.#child.on("close", () => {
        this.#hasEnded = true;
        this.#ring();
        resolve();
      });
    });
  }

  /** The first line that begins so; rejects when the process ends without it. */
  async line(start: string): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => line.startsWith(start));
      if (found !== undefined) return found;
      if (this.#hasEnded) throw new Error(`the process ended without "${start}": ${this.lines.join(" | ")}`);
      await new Promise<void>((resolve) => (this.#ring = resolve));
    }
  }

  get ended(): Promise<void> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    this.lines.push(...lines);
    this.#ring();
  }
}

/** A fresh file with an engine on it, both gone when disposed. */
export interface Folder extends AsyncDisposable {
  readonly file: string;
  readonly engine: SqliteEngine;
}

export async function openFolder(): Promise<Folder> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-worker-"));
  const file = join(folder, "jobs.db");
  const engine = await openSqliteEngine({ path: file, durability: "process" });
  const dispose = async (): Promise<void> => {
    await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  return { file, engine, [Symbol.asyncDispose]: dispose };
}
