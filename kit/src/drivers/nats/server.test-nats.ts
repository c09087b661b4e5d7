import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { TestContext } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { systemRandom } from "../../random/mod.ts";

/** The server that the real tests share. */
export const serverUrl: string = process.env["ASHLAR_NATS"] ?? "nats://127.0.0.1:4222";

/** Why the tests cannot run here; `undefined` when they can. In continuous integration they run, and fail, in any case. */
export async function absent(): Promise<string | undefined> {
  const { port, hostname, host } = new URL(serverUrl);
  if (process.env["CI"] !== undefined || (await accepts(Number(port || 4222), hostname))) return undefined;
  return `(no NATS server at ${host}; set ASHLAR_NATS to the address of one with JetStream)`;
}

/** Skips the test where no `nats-server` is installed to start one's own. In continuous integration it fails instead. */
export function needsProgram(context: TestContext): void {
  if (process.env["CI"] !== undefined) return;
  try {
    execFileSync("nats-server", ["--version"], { stdio: "ignore" });
  } catch {
    context.skip("no nats-server is installed");
  }
}

/** A name for streams that no other test, and no other process of tests, has. */
export function freshName(): string {
  return `test-${process.pid}-${systemRandom.integer(0, 2 ** 48).toString(36)}`;
}

/** A NATS server of the test's own, which may be stopped, killed and paused. Its streams lie in files. */
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

/** Starts a server in a folder of its own with these lines of configuration besides. */
export async function startServer(...lines: readonly string[]): Promise<PrivateServer> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-nats-"));
  const port = await freePort();
  const file = join(folder, "server.conf");
  const common = [`host: 127.0.0.1`, `port: ${port}`];
  const store = lines.some((line) => line.startsWith("jetstream")) ? [] : [`jetstream { store_dir: "${folder}/data" }`];
  writeFileSync(file, [...common, ...store, ...lines].join("\n").replaceAll("FOLDER", folder));
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const start = async (): Promise<void> => {
    child = spawn("nats-server", ["-c", file], { stdio: "ignore" });
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
      await systemClock.sleep(10);
    }
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
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

/** A way to the server that can be cut at a chosen moment. */
export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** Cuts the connection that next sends this text to the server, before the server sees it (`request`), or lets the server have it and
   *  passes on none of what it says from then on, for 100 ms, then cuts (`answer`). */
  next(cut: "request" | "answer", when: string): void;
  cutAll(): void;
  /** No new connections, and none of those that are there. */
  shut(): void;
  open(): void;
}

/** Starts a proxy before a server. */
export async function cuttingProxy(target: string = serverUrl): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let plan: { readonly cut: "request" | "answer"; readonly when: string } | undefined;
  let isShut = false;
  const server: Server = createServer((near) => {
    if (isShut) return void near.destroy();
    const far = connect({ host: hostname, port: Number(port || 4222) });
    let answers: "pass" | "drop" = "pass";
    const end = (): void => {
      near.destroy();
      far.destroy();
      sockets.delete(near);
    };
    sockets.add(near);
    near.on("data", (bytes) => {
      if (plan === undefined || !bytes.includes(plan.when)) return void far.write(bytes);
      const { cut } = plan;
      plan = undefined;
      if (cut === "request") return end();
      answers = "drop";
      far.write(bytes);
      systemClock.setTimer(100, end);
    });
    far.on("data", (bytes) => void (answers === "pass" && near.write(bytes)));
    for (const socket of [near, far]) socket.on("close", end).on("error", end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `nats://127.0.0.1:${portOf(server)}`,
    next: (cut, when) => void (plan = { cut, when }),
    cutAll,
    shut: () => {
      isShut = true;
      cutAll();
    },
    open: () => void (isShut = false),
    [Symbol.asyncDispose]: async () => {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Asks until the answer is as wanted, for fifteen seconds at most. */
export async function until(wanted: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = systemClock.monotonic() + 15_000;
  while (!(await wanted())) {
    if (systemClock.monotonic() > untilMs) throw new Error("it did not come to pass");
    await systemClock.sleep(5);
  }
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
