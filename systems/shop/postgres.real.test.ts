import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openPostgres, type PostgresDatabase } from "ashlar/drivers/postgres";
import { seededRandom } from "ashlar/random";
import { expect, test } from "vitest";
import { writeMadeOrders } from "./made-orders.test-data.ts";
import { databaseUrl, freshNamespace, needsDatabase } from "./postgres.test-database.ts";
import { testFolder } from "./replay/replay.test-shop.ts";

const invoices = 250;
const kills = 4;

test(
  "a replay over PostgreSQL that is killed again and again ends with the totals of SQLite, and a second import changes nothing",
  { timeout: 600_000 },
  async (context) => {
    await needsDatabase(context);
    using folder = testFolder();
    await using namespace = freshNamespace();
    const file = join(folder.path, "orders.csv");
    writeMadeOrders(file, { invoices, seed: 7 });
    const onFiles = await ended(start(file, ["--data", join(folder.path, "data")]));
    const there = ["--engine", databaseUrl, "--bus", databaseUrl, "--namespace", namespace.name];
    await using database = await openPostgres({ url: databaseUrl, schema: namespace.name, connectionsMax: 1 });
    const random = seededRandom("kill moments");
    const effects: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const running = start(file, there);
      await progressed(running, { database, namespace: namespace.name, beyond: effects.at(-1) ?? 0 });
      await pause(random.next() * 400);
      running.process.kill("SIGKILL");
      await running.closed;
      effects.push(await effectsIn(database, namespace.name));
    }
    expect(new Set(effects).size).toBe(kills);
    const resumed = await ended(start(file, there));
    expect(resumed).toEqual(onFiles);
    expect(await ended(start(file, there))).toEqual(onFiles);
  },
);

test.each([
  ["--cache", "redis://app:secret@127.0.0.1:1", "nothing can be shared at redis://127.0.0.1:1 (--cache): connecting:"],
  ["--bus", "nats://app:secret@127.0.0.1:1", "nothing can be shared at nats://127.0.0.1:1 (--bus): connecting:"],
  ["--bus", "postgres://app:secret@127.0.0.1:1/shop", "nothing can be shared at postgres://127.0.0.1:1 (--bus): "],
  ["--bus", "postgres://app:secret@127.0.0.1:1,127.0.0.1:2/shop", "at postgres://127.0.0.1:1,127.0.0.1:2 (--bus): "],
  ["--bus", "postgres://app:secret@:x/shop", "nothing can be shared at postgres://:x (--bus): option url"],
  [
    "--bus",
    "amqp://app:secret@127.0.0.1:1",
    "--bus is amqp://; it takes redis://host:6379, postgres://user@host:5432/database, nats://host:4222 or tls://",
  ],
])("%s %s is refused with status 2 and one sentence without a password", async (option, url, says) => {
  using folder = testFolder();
  const { closed, said } = spawned(["start", "--once", "--port", "0", "--data", folder.path, option, url]);
  expect(await closed).toBe(2);
  expect(sentences(said())).toHaveLength(1);
  expect(said()).toContain(says);
  expect(said()).not.toContain("secret");
});

test("what cannot be read from is refused with status 2 and one sentence without a password, and a replica that is away is done without", async (context) => {
  await needsDatabase(context);
  using folder = testFolder();
  await using namespace = freshNamespace();
  const { host } = new URL(databaseUrl);
  const away = "postgres://app:secret@127.0.0.1:1/shop";
  const there = ["--engine", databaseUrl, "--namespace", namespace.name];
  const ends = async (...args: readonly string[]): Promise<Started & { readonly code: number | null }> => {
    const started = spawned(args);
    return { ...started, code: await started.closed };
  };
  for (const command of [
    ["start", "--once", "--orders", "0", "--port", "0", "--data", folder.path],
    ["node", "--only", "analytics"],
  ])
    for (const [options, says] of [
      [["--reads", away], "files have none: --engine postgres://"],
      [[...there, "--reads", `postgres://nobody_has_this_name:secret@${host}/test`], "(--reads): connecting: "],
    ] as const) {
      const { code, said } = await ends(...command, ...options);
      expect({ code, lines: said().trim().split("\n").length }).toEqual({ code: 2, lines: 1 });
      expect(said()).toContain(says);
      expect(said()).not.toContain("secret");
    }
  const { code, said } = await ends("start", "--once", "--orders", "3", "--port", "0", ...there, "--reads", away);
  expect([code, said()]).toEqual([0, expect.stringMatching(/audit +all \d+ invariants hold/)]);
  expect(said().match(/reads go to the primary: .*127\.0\.0\.1:1\/shop is away/g)).toHaveLength(1);
  expect(said()).not.toContain("secret");
});

test("what cannot be an engine is refused with status 2 and one sentence without a password", async (context) => {
  await needsDatabase(context);
  using folder = testFolder();
  const file = join(folder.path, "orders.csv");
  writeMadeOrders(file, { invoices: 1, seed: 1 });
  const { host } = new URL(databaseUrl);
  const unreachable = "postgres://app:secret@127.0.0.1:1/shop";
  for (const [engine, says] of [
    ["mysql://app:secret@db/shop", "it takes sqlite or postgres://"],
    [unreachable, "no data can be kept at postgres://app@127.0.0.1:1/shop: connecting: connect ECONNREFUSED"],
    [`postgres://nobody_has_this_name:secret@${host}/test`, "nobody_has_this_name"],
    [`postgres://postgres:secret@${host}/no_such_database`, "no_such_database"],
  ] as const)
    for (const command of [
      ["replay", file],
      ["start", "--once"],
      ["node", "--only", "orders"],
    ]) {
      const { closed, said } = spawned([...command, "--engine", engine]);
      expect({ code: await closed, engine }).toEqual({ code: 2, engine });
      expect(sentences(said())).toHaveLength(1);
      expect(said()).toContain(says);
      expect(said()).not.toContain("secret");
    }
});

/** Without the line that says what is waited for. */
function sentences(said: string): readonly string[] {
  return said
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("Opening the shop, data in "));
}

interface Started {
  readonly process: ChildProcess;
  readonly closed: Promise<number | null>;
  readonly said: () => string;
}

function start(file: string, where: readonly string[]): Started {
  return spawned(["replay", file, ...where, "--stock", "tight", "--faults", "some", "--seed", "7", "--json"]);
}

function spawned(args: readonly string[]): Started {
  const main = join(import.meta.dirname, "main.js");
  const child = spawn(process.execPath, ["--conditions=ashlar-source", main, ...args]);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const closed = once(child, "close").then(([code]) => code as number | null);
  return { process: child, closed, said: () => said };
}

/** The totals that it prints. Every invariant must hold: that is what status 0 says. */
async function ended({ closed, said }: Started): Promise<object> {
  const code = await closed;
  if (code !== 0) throw new Error(`status ${code}\n${said()}`);
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

interface Progress {
  readonly database: PostgresDatabase;
  readonly namespace: string;
  /** So many effects there were before. */
  readonly beyond: number;
}

async function progressed(running: Started, { database, namespace, beyond }: Progress): Promise<void> {
  while ((await effectsIn(database, namespace)) <= beyond) {
    if (running.process.exitCode !== null) throw new Error(`the replay ended before its time\n${running.said()}`);
    await pause(5);
  }
}

/** How many things were done in the outside world: what a replay that makes progress adds to. */
async function effectsIn(database: PostgresDatabase, namespace: string): Promise<number> {
  let sum = 0;
  for (const company of ["provider", "carrier", "channels"]) {
    const table = `${namespace}_outside_${company}.effect`;
    const { rows: known } = await database.query<{ readonly found: string | null }>("select to_regclass($1) as found", [
      table,
    ]);
    if (known[0]?.found === null) continue;
    const { rows } = await database.query<{ readonly count: string }>(`select count(*) from ${table}`);
    sum += Number(rows[0]?.count);
  }
  return sum;
}
