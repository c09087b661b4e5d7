import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { TestContext } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { accepts, freePort } from "./network.test-server.ts";

/** A server of the test's own, which may be stopped, killed and paused. */
export interface PrivateServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  /** As a crash. */
  kill(): Promise<void>;
  /** It goes on accepting connections, and answers nothing. */
  pause(): void;
  resume(): void;
}

/** A program to start, and its words for a folder and a port of its own. */
export interface Program {
  readonly name: string;
  readonly scheme: string;
  readonly words: (folder: string, port: number) => readonly string[];
}

/** Skips the test where the program is not installed. In continuous integration it fails instead. */
export function needs(program: string): (context: TestContext) => void {
  return (context) => {
    if (process.env["CI"] !== undefined) return;
    try {
      execFileSync(program, ["--version"], { stdio: "ignore" });
    } catch {
      context.skip(`no ${program} is installed`);
    }
  };
}

/** Starts it in a folder of its own, which is removed at the end. */
export async function startProgram({ name, scheme, words }: Program): Promise<PrivateServer> {
  const folder = mkdtempSync(join(tmpdir(), `ashlar-${scheme}-`));
  const port = await freePort();
  const given = words(folder, port);
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const start = async (): Promise<void> => {
    child = spawn(name, given, { stdio: "ignore" });
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
      await systemClock.sleep(10);
    }
  };
  await start();
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    start,
    kill,
    pause: () => stopAtOnce(child),
    resume: () => void child?.kill("SIGCONT"),
    [Symbol.asyncDispose]: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Returns when every thread of it stands still, where the system tells: one that runs elsewhere would answer one more request. */
function stopAtOnce(child: ChildProcess | undefined): void {
  child?.kill("SIGSTOP");
  const threads = `/proc/${child?.pid}/task`;
  const stands = (thread: string): boolean => {
    try {
      return /\) [Tt] /.test(readFileSync(join(threads, thread, "stat"), "utf8"));
    } catch {
      return false; // it has ended meanwhile: look at those that are left
    }
  };
  if (existsSync(threads)) while (!readdirSync(threads).every(stands));
}
