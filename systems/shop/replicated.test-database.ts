import { execFile } from "node:child_process";
import { appendFileSync, chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { addresses, type TestHost } from "./hosts.test-network.ts";

const run = promisify(execFile);

/** A primary and a replica, each on an address of its own, as on two machines. */
export interface ReplicatedDatabase extends AsyncDisposable {
  /** Names both hosts, for whoever wants the one that takes writes. */
  readonly url: string;
  readonly replicaUrl: string;
  /** The primary is gone in the middle of everything, and the replica takes its place. */
  failOver(): Promise<void>;
  /** The server that takes writes crashes and is started again. */
  crash(): Promise<void>;
  /** The replica crashes, and stays away until it is started. */
  loseReplica(): Promise<void>;
  startReplica(): Promise<void>;
}

/** The programs of the server, or skips the test with the reason; in continuous integration it fails. */
export function needsPrograms(context: TestContext): string {
  const root = "/usr/lib/postgresql";
  try {
    const [newest] = readdirSync(root).toSorted((left, right) => Number(right) - Number(left));
    if (newest !== undefined) return join(root, newest, "bin");
  } catch {
    // Told below.
  }
  if (process.env["CI"] !== undefined) throw new Error(`no PostgreSQL programs in ${root}`);
  return context.skip(`no PostgreSQL programs in ${root}`);
}

export interface ReplicatedOptions {
  /** For the primary and the replica. Default: addresses of this machine. */
  readonly hosts?: readonly TestHost[];
  readonly replication?: "synchronous" | "asynchronous";
}

/** Makes both in a folder of their own. `synchronous`: the replica has every acknowledged commit, and none is acknowledged without it. */
export async function startReplicated(
  bin: string,
  { hosts = addresses(2), replication = "synchronous" }: ReplicatedOptions = {},
): Promise<ReplicatedDatabase> {
  const [first, second] = hosts;
  if (first === undefined || second === undefined) throw new TypeError("a primary and a replica need two hosts");
  const folder = mkdtempSync(join(tmpdir(), "shop-clusters-"));
  chmodSync(folder, 0o777);
  const primary = await serverIn(bin, { folder, name: "primary", host: first });
  await asServer(first, join(bin, "initdb"), "-D", primary.data, "-A", "trust", "-U", "postgres", "--no-sync");
  appendFileSync(join(primary.data, "pg_hba.conf"), "host replication postgres all trust\nhost all all all trust\n");
  await primary.start();
  const replica = await serverIn(bin, { folder, name: "replica", host: second });
  const from = `host=${primary.host} port=${primary.port} user=postgres application_name=replica`;
  await asServer(
    second,
    join(bin, "pg_basebackup"),
    "-D",
    replica.data,
    "-R",
    "--checkpoint=fast",
    "--no-sync",
    "-d",
    from,
  );
  await replica.start();
  // Only now, so that nothing before waits for a replica that is not there.
  if (replication === "synchronous") {
    await primary.ask("alter system set synchronous_standby_names = '*'");
    await primary.ask("select pg_reload_conf()");
  }
  let writable = primary;
  return {
    url: `postgres://postgres@${primary.host}:${primary.port},${replica.host}:${replica.port}/postgres?target_session_attrs=read-write`,
    replicaUrl: `postgres://postgres@${replica.host}:${replica.port}/postgres`,
    loseReplica: () => replica.stop(),
    startReplica: () => replica.start(),
    async failOver() {
      await primary.stop();
      await replica.promote();
      writable = replica;
    },
    async crash() {
      await writable.stop();
      await writable.start();
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([primary.stop(), replica.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Server {
  readonly data: string;
  readonly host: string;
  readonly port: number;
  start(): Promise<void>;
  /** At once, as a crash. */
  stop(): Promise<void>;
  promote(): Promise<void>;
  ask(sql: string): Promise<void>;
}

async function serverIn(
  bin: string,
  { folder, name, host: place }: { readonly folder: string; readonly name: string; readonly host: TestHost },
): Promise<Server> {
  const data = join(folder, name);
  const host = place.address;
  const port = await place.freePort();
  const options = `-p ${port} -c listen_addresses=${host} -c unix_socket_directories= -c max_connections=300`;
  const control = async (...words: readonly string[]): Promise<void> => {
    await asServer(place, join(bin, "pg_ctl"), "-D", data, "-w", "-l", join(folder, `${name}.log`), ...words);
  };
  return {
    data,
    host,
    port,
    start: () => control("-o", options, "start"),
    stop: () => control("-m", "immediate", "stop"),
    promote: () => control("promote"),
    ask: async (sql) => {
      await run(join(bin, "psql"), ["-h", host, "-p", String(port), "-U", "postgres", "-c", sql, "postgres"]);
    },
  };
}

/** The server refuses to run as root. */
function asServer(host: TestHost, ...words: readonly [program: string, ...args: string[]]): Promise<unknown> {
  if (process.getuid?.() !== 0) return run(...host.command(...words));
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  return run(...host.command("runuser", "-u", "postgres", "--", ...words), { env, cwd: "/" });
}
