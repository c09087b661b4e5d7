// A worker as a process of its own, for tests that kill it: node worker.test-process.ts FILE SCENE [SEED]. Tells what it does on standard output.
import { appendFileSync, existsSync, writeSync } from "node:fs";
import { openSqliteEngine, type SqliteSql } from "../engine/sqlite/mod.ts";
import { queue } from "./definition.ts";
import type { Job } from "./job.ts";
import { openQueue } from "./queue.ts";
import { seededRandom } from "../random/mod.ts";
import { openWorker } from "./worker.ts";

const [file = "", scene = "", seed = "0"] = process.argv.slice(2);
const random = seededRandom(seed);
const forever = new Promise<never>(() => {});
const engine = await openSqliteEngine({ path: file, durability: "process" });
// Innocent jobs may be hit by several of the kills that a test deals out at random; they must not be blamed for all of them.
const crashesMax = scene === "killer" ? 3 : 50;
const crashing = queue<string>("jobs", { leaseMs: 1_000, crashesMax, key: (input) => input.split(":")[1] });
const jobs = await openQueue({ engine, queue: crashing });

/** Written past every buffer: the process may be killed by its next instruction. */
function say(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(" ")}\n`);
}

function die(): Promise<never> {
  process.kill(process.pid, "SIGKILL");
  return forever;
}

const scenes: Readonly<Record<string, (job: Job<string, SqliteSql>) => Promise<void>>> = {
  hang: () => forever,
  work: async (job) => {
    job.also({ op: "put", cell: { space: "effects", key: job.id }, expect: "absent", value: "done" });
  },
  onceThenHang: async (job) => {
    await job.once("effect", () => appendFileSync(`${file}.effects`, `${job.id}\n`));
    say("recorded", job.id);
    await forever;
  },
  once: async (job) => {
    await job.once("effect", () => appendFileSync(`${file}.effects`, `${job.id}\n`));
  },
  txThenHang: async (job) => {
    await job.tx(({ sql }) => void sql.run("insert into effects (job) values (?)", job.id));
    say("committed", job.id);
    await forever;
  },
  // Holds the event loop until the test lets go: no renewal, no timer.
  block: async () => {
    while (!existsSync(`${file}.go`));
  },
  killer: async (job) => {
    if (job.input === "killer") await die();
  },
  relay: async (job) => {
    await using target = await openSqliteEngine({ path: `${file}.target`, durability: "process" });
    const published = await openQueue({ engine: target, queue: crashing });
    await published.add(job.input, { dedup: { key: job.id, forMs: 86_400_000 } });
    if (random.next() < 0.12) await die();
  },
};

const handle = scenes[scene];
if (handle === undefined) throw new Error(`no scene ${scene}`);

await openWorker({
  queue: jobs,
  concurrency: scene === "relay" ? 1 : 4,
  onFault: ({ what, jobId = "" }) => say("fault", what, jobId),
  handle: async (job) => {
    say("started", job.id, job.attempt, job.crashes);
    await handle(job);
    say("done", job.id);
  },
});
say("open");
