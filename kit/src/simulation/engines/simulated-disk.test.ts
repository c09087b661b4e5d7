import { deepStrictEqual as equal } from "node:assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import type { SqliteEngine } from "../../engine/sqlite/mod.ts";
import { checkDurability, type LossAllowed, type Violation } from "../checkers/mod.ts";
import { type NodeHost, type SimulatedNode, world, type World } from "../mod.ts";
import { type CrashPoint, type DiskOptions, SimulatedDisk } from "./mod.ts";

const opened: SimulatedDisk[] = [];
afterEach(() => {
  for (const disk of opened.splice(0)) disk[Symbol.dispose]();
});

/** Two processes that write numbered things: an event, a message, a cell and a row each, in one commit. */
class Writers {
  readonly world: World;
  readonly disk: SimulatedDisk;
  readonly nodes: readonly SimulatedNode[];
  readonly attempted: string[] = [];
  /** What was acknowledged, and its position in the log. */
  readonly acknowledged = new Map<string, number>();
  /** That the first process ran before anybody looked. */
  statements = 0;
  #engine: SqliteEngine | undefined;

  constructor(options: DiskOptions) {
    this.world = world({ seed: 0 });
    this.disk = new SimulatedDisk(this.world, options);
    opened.push(this.disk);
    this.nodes = ["a", "b"].map((name) => this.world.node(name, { start: (host) => this.#start(host) }));
  }

  // A process that was restarted only looks.
  async #start(host: NodeHost): Promise<void> {
    const engine = await this.disk.open(host);
    this.#engine = engine;
    await engine.migrate("test", [{ name: "rows", sql: "create table row(id text primary key) strict" }]);
    if (host.epoch === 1) void this.#write(host, engine);
  }

  async #write({ name, epoch, clock }: NodeHost, engine: SqliteEngine): Promise<void> {
    for (let number = 0; number < 2; number++) {
      const id = `${name}${epoch}.${number}`;
      this.attempted.push(id);
      const result = await engine.transaction(async (transaction) => {
        transaction.sql.run("insert into row values (?)", id);
        if (number % 3 === 0) await clock.sleep(3);
        return await transaction.commit([
          { op: "append", log: "log", stream: name, expected: "any", events: [{ type: "Written", data: id }] },
          { op: "enqueue", queue: "queue", messages: [{ body: id }] },
          { op: "put", cell: { space: "cells", key: id }, expect: "absent", value: id },
        ]);
      });
      const [append] = result.committed ? result.outcomes : [];
      if (append?.op === "append") this.acknowledged.set(id, append.position);
      await clock.sleep(number % 2);
    }
  }

  /** Restarts what is down, and says what it finds there. */
  async found(): Promise<readonly string[]> {
    for (const node of this.nodes) if (node.state === "down") await node.start();
    const engine = this.#engine;
    if (engine === undefined) throw new Error("no engine is open");
    await this.world.clock.sleep(1_000);
    equal(await engine.verify(), [], "the engine's own verification");
    const { events } = await engine.read({ log: "log", after: 0, limit: 1_000 });
    const ids = events.map(({ data }) => data);
    const messages = await Array.fromAsync(engine.scan({ kind: "messages", queue: "queue", limit: 1_000 }));
    const rows = engine.sql.all<{ id: string }>("select id from row").map(({ id }) => id);
    const cells = await engine.get(ids.map((key) => ({ space: "cells", key })));
    const sorted = ids.toSorted();
    equal(messages.map(({ body }) => body).toSorted(), sorted, "messages");
    equal(rows.toSorted(), sorted, "rows");
    equal(
      cells.map((cell) => cell?.value),
      ids,
      "cells",
    );
    return ids;
  }

  /** What is wrong with what was found. Both orders in which writes took effect are known by their positions. */
  violations(found: readonly string[], mayLose: LossAllowed): readonly Violation[] {
    const placed = [...this.acknowledged].toSorted(([, left], [, right]) => left - right).map(([id]) => id);
    const rest = this.attempted.filter((id) => !this.acknowledged.has(id));
    const attempted = [...placed, ...rest];
    return checkDurability({ attempted, acknowledged: new Set(this.acknowledged.keys()), found }, mayLose);
  }
}

interface Case extends DiskOptions {
  readonly point?: CrashPoint;
}

/** Runs until the crash, and says what the restarted processes found. */
async function writersAfter({ point, ...options }: Case): Promise<Writers> {
  const writers = new Writers(options);
  await writers.world.run(async () => {
    for (const node of writers.nodes) await node.start();
    const statements = writers.disk.statementsOf("a");
    if (point !== undefined) writers.disk.crashAt("a", point);
    await writers.world.clock.sleep(300);
    writers.statements = writers.disk.statementsOf("a") - statements;
    const found = await writers.found();
    const mayLose = point?.kind === "machine" && options.durability === "process" ? "tail" : "nothing";
    equal(writers.violations(found, mayLose), [], "acknowledged writes");
    if (writers.acknowledged.size > found.length) writers.world.sometimes("acknowledged writes lost");
  });
  writers.disk[Symbol.dispose]();
  return writers;
}

async function sometimesIn(cases: readonly Case[]): Promise<readonly string[]> {
  const seen = new Set<string>();
  for (const each of cases)
    for (const name of Object.keys((await writersAfter(each)).world.counters.all)) seen.add(name);
  return [...seen].toSorted();
}

/** Every statement that writes of a run of the first process. */
async function statementsOf(options: DiskOptions): Promise<readonly number[]> {
  const { statements } = await writersAfter(options);
  return Array.from({ length: statements }, (_, index) => index + 1);
}

test("a process that dies at a statement, whichever it is, takes nothing acknowledged with it and leaves nothing half done", async () => {
  const options: DiskOptions = { durability: "process" };
  const statements = await statementsOf(options);
  expect(statements.length).toBeGreaterThan(20);
  // What is on the disk after one statement is what is there before the next: one of both is enough.
  const points = statements.map((statement) => ({ statement, when: "after" }) as const);
  expect(await sometimesIn(points.map((point) => ({ point, ...options })))).toEqual([
    "disk: crash after a commit",
    "disk: crash after a write",
  ]);
});

describe("a power cut", () => {
  const cuts = (statements: readonly number[], options: DiskOptions): readonly Case[] =>
    statements
      .filter((statement) => statement % 2 === 0)
      .map((statement) => ({
        point: { statement, when: "after", kind: "machine" },
        ...options,
      }));

  test("takes nothing acknowledged from class disk, at whichever statement", async () => {
    const options: DiskOptions = { durability: "disk", maintenanceMs: 5 };
    expect(await sometimesIn(cuts(await statementsOf(options), options))).toEqual([
      "disk: power cut",
      "disk: power cut in a checkpoint",
      "disk: power cut in a commit",
      "disk: power cut in a write",
    ]);
  });

  test("takes no more than the tail from class process, at whichever statement", async () => {
    const options: DiskOptions = { durability: "process", maintenanceMs: 20 };
    expect(await sometimesIn(cuts(await statementsOf(options), options))).toEqual([
      "acknowledged writes lost",
      "disk: power cut",
      "disk: power cut in a checkpoint",
      "disk: power cut in a commit",
      "disk: power cut in a write",
    ]);
  });
});

test("a world that has ended is let go of, so that a fleet of any length stays small", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const ended = await Promise.all(
    [1, 2, 3, 4, 5].map(async (seed) => {
      const here = world({ seed });
      using disk = new SimulatedDisk(here, { durability: "process" });
      const node = here.node("a", {
        start: async (host) => {
          const engine = await disk.open(host);
          await engine.commit([{ op: "put", cell: { space: "s", key: "k" }, expect: "any", value: "v" }]);
        },
      });
      await here.run(async () => {
        await node.start();
        node.crash("process");
        await node.start();
      });
      return new WeakRef(here);
    }),
  );
  // A reference that was read lives until its own turn is over; and the last world may still be in the machine's hands.
  await systemClock.sleep(20);
  collect();
  expect(ended.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(1);
});
