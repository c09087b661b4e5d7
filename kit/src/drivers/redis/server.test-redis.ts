import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { TestContext } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { systemRandom } from "../../random/mod.ts";
import type { RedisDatabase } from "./mod.ts";

/** The server that the real tests share. */
export const serverUrl: string = process.env["ASHLAR_REDIS"] ?? "redis://127.0.0.1:6379";

const isReachable: Promise<boolean> = accepts(Number(new URL(serverUrl).port || 6379), new URL(serverUrl).hostname);

/** Skips the test, with the reason, where there is no server. In continuous integration it fails instead. */
export async function needsServer(context: TestContext): Promise<void> {
  if ((await isReachable) || process.env["CI"] !== undefined) return;
  context.skip(`no Redis at ${new URL(serverUrl).host}; set ASHLAR_REDIS to the address of one`);
}

/** Skips the test where no `redis-server` is installed to start one's own. In continuous integration it fails instead. */
export function needsProgram(context: TestContext): void {
  if (process.env["CI"] !== undefined) return;
  try {
    execFileSync("redis-server", ["--version"]);
  } catch {
    context.skip("no redis-server is installed");
  }
}

/** A prefix of keys that no other test, and no other process of tests, has. */
export function freshPrefix(): string {
  return `test:${process.pid}:${systemRandom.integer(0, 2 ** 48).toString(36)}:`;
}

/** Removes all keys under a prefix. */
export async function dropKeys(database: RedisDatabase, prefix: string): Promise<void> {
  let cursor = "0";
  do {
    const reply = await database.send(["SCAN", cursor, "MATCH", `${prefix}*`, "COUNT", "1000"]);
    const [next, keys] = reply as readonly [string, readonly string[]];
    if (keys.length > 0) await database.send(["UNLINK", ...keys]);
    cursor = next;
  } while (cursor !== "0");
}

/** A Redis server of the test's own, which may be stopped, killed and paused. */
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

/** Starts a server in a folder of its own with these options of its command line. Its memory is empty after a restart unless they say otherwise. */
export async function startServer(...words: readonly string[]): Promise<PrivateServer> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-redis-"));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const start = async (): Promise<void> => {
    const common = ["--port", `${port}`, "--dir", folder, "--save", "", "--bind", "127.0.0.1"];
    child = spawn("redis-server", [...common, ...words], { stdio: "ignore" });
    while (!(await accepts(port))) await systemClock.sleep(10);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    kill,
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    [Symbol.asyncDispose]: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a proxy does with the next request that holds a certain text. */
export type Cut = "cut before the request" | "cut before the answer" | "swallow";

/** A way to the server that can be cut at a chosen moment. */
export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** Pieces that came from clients, each what one write of theirs sent. */
  readonly requests: readonly string[];
  next(cut: Cut, when: string): void;
  cutAll(): void;
}

/** Starts a proxy before a server. */
export async function cuttingProxy(target: string = serverUrl): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let plan: { readonly cut: Cut; readonly when: string } | undefined;
  const server: Server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port || 6379) });
    let answers: "pass" | "drop" = "pass";
    const end = (): void => {
      near.destroy();
      far.destroy();
      sockets.delete(near);
    };
    sockets.add(near);
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.on("data", (bytes) => {
      requests.push(bytes.toString("latin1"));
      if (plan === undefined || !bytes.includes(plan.when)) return void far.write(bytes);
      const { cut } = plan;
      plan = undefined;
      if (cut === "cut before the request") return end();
      answers = "drop";
      far.write(bytes);
      if (cut === "cut before the answer") far.once("data", end);
    });
    far.on("data", (bytes) => void (answers === "pass" && near.write(bytes)));
    for (const socket of [near, far]) socket.on("close", end).on("error", end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${portOf(server)}`,
    requests,
    next: (cut, when) => void (plan = { cut, when }),
    cutAll,
    [Symbol.asyncDispose]: async () => {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.on("connect", () => resolve(socket.destroy() && true)).on("error", () => resolve(false));
  });
}
