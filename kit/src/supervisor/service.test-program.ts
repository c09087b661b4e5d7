// A child of the tests. What it does is its first argument:
//   serve     answers HTTP with its process id, after a moment; drains by finishing the requests in hand
//   stubborn  serves, never finishes draining, and talks all the time
//   crash     says hello and exits
//   call      calls `orders` all the time, by the table, and tells how it went
import { createServer, get } from "node:http";
import process from "node:process";
import { systemClock } from "../clock/mod.ts";
import { supervisedChild } from "./mod.ts";

const [mode] = process.argv.slice(2);
if (mode === "crash") crash();
else if (mode === "call") await callOrders();
else serve();

function crash(): void {
  supervisedChild();
  process.stdout.write("about to crash");
  process.exit(3);
}

function serve(): void {
  const server = createServer((_, response) => {
    systemClock.setTimer(20, () => response.end(String(process.pid)));
  });
  const drain = (): Promise<void> =>
    new Promise((resolve) => {
      if (mode === "stubborn") return;
      // A connection that somebody has begun may still wait for this process to accept it: to close at once would reset it.
      systemClock.setTimer(200, () => server.close(() => resolve()));
    });
  const child = supervisedChild({ orphanGraceMs: 1_000, onDrain: drain });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    child.ready(`127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
    process.stdout.write(`${child.identity?.name} serves\n`);
    if (mode === "stubborn") talk();
  });
}

/** Its turns are long: when the supervisor dies, that is most likely in the midst of one, and what is written next is written before the news of it. */
function talk(): void {
  const untilMs = systemClock.monotonic() + 20;
  while (systemClock.monotonic() < untilMs);
  process.stdout.write("still here\n");
  systemClock.nextTurn(talk);
}

async function callOrders(): Promise<void> {
  const child = supervisedChild();
  child.ready();
  let turn = 0;
  const counts = { answered: 0, failed: 0, processes: new Set<string>() };
  const callOnce = async (): Promise<void> => {
    const { entries } = child.table;
    const target = entries.filter(({ name }) => name === "orders")[turn++ % 2];
    if (target === undefined) return systemClock.sleep(5);
    try {
      counts.processes.add(await answerOf(target.address));
      counts.answered++;
    } catch {
      counts.failed++;
    }
  };
  const caller = async (): Promise<void> => {
    while (!child.draining.aborted) {
      await callOnce();
      child.send({ ...counts, processes: counts.processes.size });
    }
  };
  await Promise.all([caller(), caller(), caller(), caller()]);
}

function answerOf(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(`http://${address}/`, { agent: false }, (response) => {
      let text = "";
      response.on("data", (data: Buffer) => (text += data.toString()));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
