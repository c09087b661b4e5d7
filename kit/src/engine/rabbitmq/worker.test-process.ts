// A worker as a process of its own, for tests that kill it: node worker.test-process.ts URL PREFIX SCENE. Tells what it does on standard output.
import { writeSync } from "node:fs";
import process from "node:process";
import { openQueue, openWorker, queue } from "../../queue/mod.ts";
import { openRabbitEngine } from "./mod.ts";

const [url = "", prefix = "", scene = ""] = process.argv.slice(2);
const engine = await openRabbitEngine({ url, prefix });
const jobs = await openQueue({ engine, queue: queue<string>("jobs", { crashesMax: 3 }) });
// Written past every buffer: the process may be killed by its next instruction.
const say = (text: string): void => void writeSync(1, `${text}\n`);

await openWorker({
  queue: jobs,
  concurrency: 2,
  handle: async (job) => {
    say(`started ${job.input} ${job.attempt} ${job.crashes}`);
    if (scene === "hang") await new Promise(() => undefined);
    if (job.input === "killer") process.kill(process.pid, "SIGKILL");
    say(`done ${job.input}`);
  },
});
say("ready");
