import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { openEventStore, openProjection, openSubscription, viewReader } from "./mod.ts";
import { counted, countProjection, leaseMs } from "./projecting.test-domain.ts";

const program = fileURLToPath(new URL("./projecting.test-program.ts", import.meta.url));
const streams = Array.from({ length: 12 }, (_, index) => `s${String(index).padStart(2, "0")}`);
const rounds = 6;

async function start(path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, path], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit").then(() => {
    throw new Error("the program ended by itself");
  });
  await Promise.race([once(child.stdout, "data"), exited]);
  exited.catch(() => undefined);
  return child;
}

test(
  "kill -9 of a projecting process at any moment: the totals are exact, and every message was sent once",
  { timeout: 60_000 },
  async () => {
    const seed = Number(process.env["SEED"] ?? 20_261_120);
    const random = seededRandom(seed);
    const folder = mkdtempSync(join(tmpdir(), "ashlar-events-kill-"));
    const path = join(folder, "data.db");
    const children: ChildProcess[] = [];
    try {
      await using engine = await openSqliteEngine({ path, durability: "process" });
      const store = await openEventStore({ engine });
      const appended = new Map(streams.map((stream) => [stream, { events: 0, amount: 0 }]));
      for (let round = 0; round < rounds; round++) {
        const child = await start(path);
        children.push(child);
        const killAfter = random.integer(5, 120);
        for (let count = 0; count < 150; count++) {
          const stream = random.pick(streams);
          const amount = random.integer(1, 9);
          await store.append(stream, [{ type: "Counted", data: { amount } }], { expected: "any", types: counted });
          const total = appended.get(stream) ?? { events: 0, amount: 0 };
          appended.set(stream, { events: total.events + 1, amount: total.amount + amount });
          // So that some batches are full and some are single events.
          if (random.next() < 0.3) await systemClock.sleep(1);
          if (count === killAfter) child.kill("SIGKILL");
        }
      }
      await using projecting = await openProjection({ store, projection: countProjection, leaseMs });
      await using mailing = await openSubscription({
        store,
        name: "mail",
        types: counted,
        partitions: 3,
        leaseMs,
        handle: ({ stream, version }) => [
          { op: "enqueue", queue: "mail", messages: [{ body: `${stream}@${version}` }] },
        ],
      });
      await Promise.all([projecting.caughtUp(), mailing.caughtUp()]);
      const rows = await Array.fromAsync(viewReader(store, "count").list());
      expect(rows, `seed ${seed}`).toEqual([...appended]);
      const sent = (await Array.fromAsync(engine.scan({ kind: "messages", queue: "mail", limit: 10_000 }))).map(
        ({ body }) => body,
      );
      const due = [...appended].flatMap(([stream, { events }]) =>
        Array.from({ length: events }, (_, index) => `${stream}@${index + 1}`),
      );
      expect(sent.toSorted(), `seed ${seed}`).toEqual(due.toSorted());
      for (const stream of streams) {
        const ofStream = sent.filter((body) => body.startsWith(`${stream}@`));
        expect(ofStream, `order of ${stream}, seed ${seed}`).toEqual(
          due.filter((body) => body.startsWith(`${stream}@`)),
        );
      }
      expect(await engine.verify()).toEqual([]);
    } finally {
      for (const child of children) child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
