import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gate } from "../../abort/mod.ts";
import type { Told } from "./crash-child.real.ts";

export interface CrashProgram {
  /** The module that exports `openCrashEngine`, as a URL. */
  readonly module: URL;
  readonly folder: string;
}

/** A real process that works on the engine until it is done or killed. */
export class CrashProcess implements AsyncDisposable {
  readonly told: Told[] = [];
  readonly #child: ChildProcess;
  readonly #exited = gate<number | null>();
  readonly #waiting: Set<() => void> = new Set();
  #rest = "";
  #errors = "";

  constructor(program: CrashProgram, mode: string, argument: string | number = "") {
    // The same file beside this one, whether it runs from source or built.
    const file = new URL(import.meta.url.replace(/crash-process(\.real\.\w+)$/, "crash-child$1"));
    const args = [...conditions(), fileURLToPath(file), mode, program.module.href, program.folder, String(argument)];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const { stdout, stderr } = this.#child;
    stdout?.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    stderr?.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.#child.on("close", (code) => {
      this.#exited.open(code);
      this.#ring();
    });
  }

  /** The first line of that kind; rejects when the process ends without it. */
  async first(kind: string): Promise<Told> {
    for (;;) {
      const found = this.told.find((line) => line.kind === kind);
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the process ended without telling "${kind}": ${this.#errors}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** `kill -9`, or another signal; resolves when the process is gone and all that it told has arrived. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited.promise;
  }

  /** Stops the process where it stands, as a long pause of its machine would, or lets it go on. */
  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(name);
  }

  /** Resolves when the process has ended by itself; rejects unless it ended well. */
  async ended(): Promise<void> {
    const code = await this.#exited.promise;
    if (code !== 0) throw new Error(`the process ended with ${code}: ${this.#errors}`);
  }

  /** Resolves when the process has ended, however. */
  async gone(): Promise<void> {
    await this.#exited.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    // A line that the kill cut short was not told.
    this.#rest = lines.pop() ?? "";
    this.told.push(...lines.map((line) => JSON.parse(line) as Told));
    this.#ring();
  }

  #ring(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** The conditions under which this process resolves packages, for its children. */
function conditions(): readonly string[] {
  const own = process.execArgv.filter((argument) => argument.startsWith("--conditions="));
  return import.meta.url.endsWith(".ts") ? [...own, "--conditions=ashlar-source"] : own;
}
