import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openPostgres, type PostgresDatabase } from "ashlar/drivers/postgres";
import { seededRandom } from "ashlar/random";
import { expect, test } from "vitest";
import { writeMadeOrders } from "./made-orders.test-data.ts";
import { type TestHost, testNetwork, type TestNetwork } from "./hosts.test-network.ts";
import { testFolder } from "./replay/replay.test-shop.ts";
import { needsPrograms, startReplicated, type ReplicatedDatabase } from "./replicated.test-database.ts";

const invoices = 400;
const common = ["--stock", "tight", "--faults", "some", "--seed", "7"];

/** Three replicas of every service, in groups that each have a machine. */
const machines = ["orders", "inventory,payments,shipping", "accounts,catalog,cart,notifications,analytics"].flatMap(
  (group) => [group, group, group],
);
const fleetSize = machines.length;

test(
  "nine machines, three replicas of every service, over a database that fails over, unplugged, cut off and killed all the while, end with the totals of one process on files",
  { timeout: 900_000 },
  async (context) => {
    const bin = needsPrograms(context);
    using folder = testFolder();
    const file = join(folder.path, "orders.csv");
    writeMadeOrders(file, { invoices, seed: 7 });
    const alone = await totalsOf(shop(["replay", file, "--data", join(folder.path, "data"), ...common, "--json"]));
    using network = testNetwork(fleetSize + 2);
    const hosts = network.hosts.slice(0, fleetSize);
    await using cluster = await startReplicated(bin, { hosts: network.hosts.slice(fleetSize) });
    const engine = ["--engine", cluster.url, "--durability", "disk"];
    await using fleet = new Fleet(hosts, [...engine, ...common, "--sale", "at day close"]);
    fleet.startAll();
    const replay = shop(["replay", file, "--elsewhere", ...engine, ...common, "--json"]);
    const blows = await hurt(replay, { fleet, cluster, network });
    expect(blows).toMatchObject({ failOvers: 1, crashes: 1 });
    expect(blows.kills).toBeGreaterThanOrEqual(4);
    expect(blows.terminated).toBeGreaterThanOrEqual(3);
    expect(blows.unplugged).toBeGreaterThanOrEqual(network.kind === "namespaces" ? 3 : 0);
    expect(await totalsOf(replay)).toEqual(alone);
    // The second import finds everything done.
    const again = shop(["replay", file, "--elsewhere", ...engine, ...common, "--json"]);
    expect(await totalsOf(again)).toEqual(alone);
  },
);

interface Started {
  readonly process: ChildProcess;
  readonly closed: Promise<number | null>;
  readonly said: () => string;
}

function shop(args: readonly string[], host?: TestHost): Started {
  const main = join(import.meta.dirname, "main.js");
  const words = [process.execPath, "--conditions=ashlar-source", main, ...args] as const;
  const child = host === undefined ? spawn(words[0], words.slice(1)) : spawn(...host.command(...words));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const closed = once(child, "close").then(([code]) => code as number | null);
  return { process: child, closed, said: () => said };
}

/** The totals that it prints. Every invariant must hold: that is what status 0 says. */
async function totalsOf({ closed, said }: Started): Promise<object> {
  const code = await closed;
  if (code !== 0) throw new Error(`status ${code}\n${said().slice(-8_000)}`);
  const last =
    said()
      .split("\n")
      .find((line) => line.startsWith('{"lines"')) ?? "";
  const {
    seconds: _,
    ordersPerSecond: __,
    stepLatencyMs: ___,
    ...totals
  } = JSON.parse(last) as Record<string, unknown>;
  return totals;
}

/** The machines, each with one process that is started again when it has ended. */
class Fleet implements AsyncDisposable {
  readonly #hosts: readonly TestHost[];
  readonly #options: readonly string[];
  readonly #running = new Map<TestHost, Started>();
  #isClosing = false;

  constructor(hosts: readonly TestHost[], options: readonly string[]) {
    this.#hosts = hosts;
    this.#options = options;
  }

  startAll(): void {
    for (const [index, host] of this.#hosts.entries()) this.#start(host, machines[index] ?? "");
  }

  /** The process of one machine dies without a word. */
  kill(index: number): void {
    const host = this.#hosts[index];
    if (host !== undefined) this.#running.get(host)?.process.kill("SIGKILL");
  }

  #start(host: TestHost, services: string): void {
    const started = shop(["node", "--only", services, "--listen", `${host.address}:0`, ...this.#options], host);
    this.#running.set(host, started);
    void started.closed.then(() => {
      if (!this.#isClosing) this.#start(host, services);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    const all = [...this.#running.values()];
    for (const { process: child } of all) child.kill("SIGKILL");
    await Promise.all(all.map(({ closed }) => closed));
  }
}

interface Blows {
  kills: number;
  terminated: number;
  unplugged: number;
  failOvers: number;
  crashes: number;
}

interface Victims {
  readonly fleet: Fleet;
  readonly cluster: ReplicatedDatabase;
  readonly network: TestNetwork;
}

/** Until the replay has ended: kills processes, unplugs machines, cuts connections, and once each lets the database fail over and crash. */
async function hurt(replay: Started, { fleet, cluster, network }: Victims): Promise<Blows> {
  const random = seededRandom("blows");
  const blows: Blows = { kills: 0, terminated: 0, unplugged: 0, failOvers: 0, crashes: 0 };
  const plugged: Promise<void>[] = [];
  await using database = await openPostgres({
    url: cluster.url,
    schema: "shop",
    connectionsMax: 1,
    connectMaxMs: 60_000,
  });
  for (let step = 1; replay.process.exitCode === null; step++) {
    await pause(500 + random.next() * 700);
    if (replay.process.exitCode !== null) break;
    // Enough is enough: from here on it is to end.
    if (step > 14) continue;
    const index = random.integer(0, fleetSize - 1);
    if (step === 2) {
      await cluster.failOver();
      blows.failOvers += 1;
    } else if (step === 5) {
      await cluster.crash();
      blows.crashes += 1;
    } else if (step % 3 === 0 && network.kind === "namespaces") {
      // Once for longer than leases last, so that the others go on without it.
      plugged.push(unplugged(network.hosts[index], step === 6 ? 12_000 : 1_000 + random.next() * 3_000));
      blows.unplugged += 1;
    } else if (step % 3 === 2) blows.terminated += await cutConnections(database);
    else {
      fleet.kill(index);
      blows.kills += 1;
    }
  }
  await Promise.all(plugged);
  return blows;
}

/** Resolves when it is plugged in again. */
async function unplugged(host: TestHost | undefined, forMs: number): Promise<void> {
  host?.unplug();
  await pause(forMs);
  host?.plug();
}

/** The server ends a third of the shop's connections, whatever they are doing. */
async function cutConnections(database: PostgresDatabase): Promise<number> {
  try {
    const { count } = await database.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'shop%' and pid % 3 = 0",
    );
    return count;
  } catch {
    // Its own connection was lost in the fail-over.
    return 0;
  }
}
