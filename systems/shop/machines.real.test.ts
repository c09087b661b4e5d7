import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openPostgres, type PostgresDatabase } from "ashlar/drivers/postgres";
import { seededRandom } from "ashlar/random";
import { expect, test } from "vitest";
import { writeMadeOrders } from "./made-orders.test-data.ts";
import { testFolder } from "./replay/replay.test-shop.ts";
import { needsPrograms, startReplicated, type ReplicatedDatabase } from "./replicated.test-database.ts";

const invoices = 400;
const common = ["--stock", "tight", "--faults", "some", "--seed", "7"];

// Each process listens on an address of its own, as on a machine of its own.
const machines: readonly (readonly [address: string, services: string])[] = [
  ["127.0.0.11", "orders"],
  ["127.0.0.12", "orders"],
  ["127.0.0.13", "orders"],
  ["127.0.0.14", "inventory,payments,shipping"],
  ["127.0.0.15", "inventory,payments,shipping"],
  ["127.0.0.16", "accounts,catalog,cart,notifications,analytics"],
];

test(
  "six machines over a database that fails over, cut off and killed all the while, end with the totals of one process on files",
  { timeout: 900_000 },
  async (context) => {
    const bin = needsPrograms(context);
    using folder = testFolder();
    const file = join(folder.path, "orders.csv");
    writeMadeOrders(file, { invoices, seed: 7 });
    const alone = await totalsOf(shop(["replay", file, "--data", join(folder.path, "data"), ...common, "--json"]));
    await using cluster = await startReplicated(bin);
    const engine = ["--engine", cluster.url, "--durability", "disk"];
    await using fleet = new Fleet([...engine, ...common, "--sale", "at day close"]);
    fleet.startAll();
    const replay = shop(["replay", file, "--elsewhere", ...engine, ...common, "--json"]);
    const blows = await hurt(replay, fleet, cluster);
    expect(blows).toMatchObject({ failOvers: 1, crashes: 1 });
    expect(blows.kills).toBeGreaterThanOrEqual(4);
    expect(blows.terminated).toBeGreaterThanOrEqual(3);
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

function shop(args: readonly string[]): Started {
  const main = join(import.meta.dirname, "main.js");
  const child = spawn(process.execPath, ["--conditions=ashlar-source", main, ...args]);
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
  readonly #options: readonly string[];
  readonly #running = new Map<string, Started>();
  #isClosing = false;

  constructor(options: readonly string[]) {
    this.#options = options;
  }

  startAll(): void {
    for (const [address, services] of machines) this.#start(address, services);
  }

  /** The process of one machine dies without a word. */
  kill(index: number): void {
    const [address = ""] = machines[index % machines.length] ?? [];
    this.#running.get(address)?.process.kill("SIGKILL");
  }

  #start(address: string, services: string): void {
    const started = shop(["node", "--only", services, "--listen", `${address}:0`, ...this.#options]);
    this.#running.set(address, started);
    void started.closed.then(() => {
      if (!this.#isClosing) this.#start(address, services);
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
  failOvers: number;
  crashes: number;
}

/** Until the replay has ended: kills processes, cuts connections, and once each lets the database fail over and crash. */
async function hurt(replay: Started, fleet: Fleet, cluster: ReplicatedDatabase): Promise<Blows> {
  const random = seededRandom("blows");
  const blows: Blows = { kills: 0, terminated: 0, failOvers: 0, crashes: 0 };
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
    if (step > 12) continue;
    if (step === 2) {
      await cluster.failOver();
      blows.failOvers += 1;
    } else if (step === 5) {
      await cluster.crash();
      blows.crashes += 1;
    } else if (step % 2 === 0) blows.terminated += await cutConnections(database);
    else {
      fleet.kill(random.integer(0, machines.length - 1));
      blows.kills += 1;
    }
  }
  return blows;
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
