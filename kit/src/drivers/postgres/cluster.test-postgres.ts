import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { freePort } from "../network.test-server.ts";

const run = promisify(execFile);

/** A PostgreSQL server of the test's own, which may be stopped and killed. */
export interface Cluster extends AsyncDisposable {
  readonly url: string;
  /** Folder of its data. */
  readonly data: string;
  start(): Promise<void>;
  /** `immediate`: as a crash of the server; it recovers at the next start. */
  stop(mode: "fast" | "immediate"): Promise<void>;
  /** It goes on accepting connections, and answers nothing. */
  pause(): void;
  resume(): void;
  /** Makes a replica a primary. */
  promote(): Promise<void>;
  /** Makes it read its files of settings again. */
  reload(): Promise<void>;
}

/** The folder of the server's programs, if they are installed. */
export function programs(): string | undefined {
  try {
    const versions = readdirSync("/usr/lib/postgresql").toSorted((left, right) => Number(right) - Number(left));
    return versions[0] === undefined ? undefined : join("/usr/lib/postgresql", versions[0], "bin");
  } catch {
    return undefined;
  }
}

/** What is special about a cluster. */
export interface ClusterOptions {
  /** Settings of the server, `ssl: "on"`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Makes its files ready before the first start; it gets the folder of the data. Default: an empty cluster that trusts everybody. */
  readonly prepare?: (data: string) => Promise<void>;
}

/** Makes and starts a cluster in a folder of its own. */
export async function startCluster(bin: string, options: ClusterOptions = {}): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-cluster-"));
  chmodSync(folder, 0o777);
  const data = join(folder, "data");
  const port = await freePort();
  const prepare = options.prepare ?? (() => makeEmpty(bin, data));
  await prepare(data);
  const special = Object.entries(options.settings ?? {}).map(([name, value]) => ` -c ${name}=${value}`);
  const words = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c max_connections=50${special.join("")}`;
  const control = (...more: readonly string[]): Promise<unknown> =>
    asServer(join(bin, "pg_ctl"), "-D", data, "-w", "-l", join(folder, "log"), ...more);
  const start = async (): Promise<void> => void (await control("-o", words, "start"));
  const stop = async (mode: "fast" | "immediate"): Promise<void> => void (await control("-m", mode, "stop"));
  await start();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    data,
    start,
    stop,
    pause: () => signalAll(data, "SIGSTOP"),
    resume: () => signalAll(data, "SIGCONT"),
    promote: async () => void (await control("promote")),
    reload: async () => void (await control("reload")),
    [Symbol.asyncDispose]: async () => {
      await stop("immediate").catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends a signal to the server and to all of its processes. */
function signalAll(data: string, signal: "SIGSTOP" | "SIGCONT"): void {
  const server = Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
  const children = readFileSync(`/proc/${server}/task/${server}/children`, "utf8").trim().split(" ");
  for (const pid of [server, ...children.map(Number)]) process.kill(pid, signal);
}

/** An empty cluster that trusts everybody. */
export async function makeEmpty(bin: string, data: string): Promise<void> {
  await asServer(join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--no-sync");
}

/** Makes and starts a cluster that follows another one, and takes no writes until it is promoted. */
export function startReplica(bin: string, { url }: Pick<Cluster, "url">): Promise<Cluster> {
  const { hostname, port } = new URL(url);
  const from = `host=${hostname} port=${port} user=postgres`;
  return startCluster(bin, {
    prepare: async (data) =>
      void (await asServer(join(bin, "pg_basebackup"), "-D", data, "-R", "--checkpoint=fast", "--no-sync", "-d", from)),
  });
}

/** The server refuses to run as root. */
export function asServer(program: string, ...words: readonly string[]): Promise<unknown> {
  if (process.getuid?.() !== 0) return run(program, words);
  // Where administrators' commands are, also when the search path of this process leaves it out.
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  return run("runuser", ["-u", "postgres", "--", program, ...words], { env, cwd: "/" });
}
