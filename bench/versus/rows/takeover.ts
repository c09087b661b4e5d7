import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { openSqliteEngine } from "ashlar/engine/sqlite";
import { openSagas, saga } from "ashlar/saga";

import { inFolder, median, type Figure, type Row } from "../frame.ts";

const leaseMs = 3000;
const kills = 3;

/** In the child the step never ends; in the one who takes over it does. */
const order = saga<{ readonly n: number }, string>("order", { version: "1", leaseMs }, (_input, context) =>
  context.step("charge", () => (process.env["TAKEOVER_CHILD"] === "1" ? hang() : "charged")),
);

function hang(): Promise<string> {
  process.stdout.write("running\n");
  return new Promise(() => undefined);
}

async function takeoverSeconds(folder: string): Promise<number> {
  const path = join(folder, "takeover.db");
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), path], {
    env: { ...process.env, TAKEOVER_CHILD: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await using engine = await openSqliteEngine({ path, durability: "disk" });
  await using sagas = await openSagas({ engine, sagas: [order] });
  const killedMs = performance.now();
  child.kill("SIGKILL");
  await once(child, "exit");
  const result = await sagas.run(order, "order-1").result({ withinMs: 60_000 });
  if (result.status !== "completed") throw new Error(`the run ended ${result.status}`);
  return (performance.now() - killedMs) / 1000;
}

export const takeover: Row = {
  path: "takeover of a saga after kill -9, lease 3 s",
  better: "lower",
  unit: "s",
  bar: 13,
  limitName: "the lease",
  ours: async (): Promise<Figure> => {
    const seconds: number[] = [];
    for (let round = 0; round < kills; round += 1) seconds.push(await inFolder(takeoverSeconds));
    return { name: "Ashlar, SQLite, second process", durability: "disk", value: median(seconds) };
  },
};

if (process.env["TAKEOVER_CHILD"] === "1") {
  const engine = await openSqliteEngine({ path: process.argv[2] ?? "", durability: "disk" });
  const sagas = await openSagas({ engine, sagas: [order] });
  await sagas.start(order, "order-1", { n: 1 });
}
