import { EventEmitter } from "node:events";
import * as realOs from "node:os";
import real from "node:process";
import type { NodeHost } from "../mod.ts";
import { host, only, refused } from "./current-system.ts";

const processes = new WeakMap<NodeHost, object>();

/** `process` as a simulated program sees it: time from its clock, a frozen environment, nothing of the machine. */
export function simulatedProcess(of: NodeHost): object {
  const known = processes.get(of);
  if (known !== undefined) return known;
  const nanoseconds = (): bigint => BigInt(Math.round(of.clock.monotonic() * 1e6));
  const hrtime = (since: readonly [number, number] = [0, 0]): [number, number] => {
    const passed = nanoseconds() - (BigInt(since[0]) * 1_000_000_000n + BigInt(since[1]));
    return [Number(passed / 1_000_000_000n), Number(passed % 1_000_000_000n)];
  };
  const made = Object.assign(new EventEmitter(), {
    env: of.environment,
    argv: ["node", of.name],
    execArgv: [],
    pid: 1,
    ppid: 0,
    platform: "linux",
    arch: "x64",
    version: real.version,
    versions: real.versions,
    cwd: () => "/",
    uptime: () => of.clock.monotonic() / 1_000,
    hrtime: Object.assign(hrtime, { bigint: nanoseconds }),
    nextTick: (run: (...given: unknown[]) => void, ...given: unknown[]) => real.nextTick(run, ...given),
    emitWarning: () => undefined,
    stdout: { write: () => true, isTTY: false },
    stderr: { write: () => true, isTTY: false },
    ...Object.fromEntries(
      ["exit", "abort", "kill", "chdir", "dlopen", "memoryUsage", "cpuUsage"].map((name) => [
        name,
        refused(
          `process.${name}`,
          "a simulated program ends when its node is stopped or crashes, and cannot see the machine",
        ),
      ]),
    ),
  });
  processes.set(of, made);
  return made;
}

const frozen = {
  hostname: () => host().name,
  cpus: () => [],
  availableParallelism: () => 1,
  totalmem: () => 2 ** 33,
  freemem: () => 2 ** 32,
  loadavg: () => [0, 0, 0],
  uptime: () => host().clock.monotonic() / 1_000,
  networkInterfaces: () => ({}),
  tmpdir: () => "/tmp",
  homedir: () => "/",
  platform: () => "linux",
  type: () => "Linux",
  arch: () => "x64",
} as const;

/** `node:os`: the same machine everywhere. */
export const os: Record<string, unknown> = only(realOs, { name: "os", simulated: frozen, harmless: [] });
