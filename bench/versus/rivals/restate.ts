import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import * as restate from "@restatedev/restate-sdk";
import * as clients from "@restatedev/restate-sdk-clients";

import { inFolder, lanes, median, payload, type Figure } from "../frame.ts";

const order = restate.service({
  name: "order",
  handlers: {
    run: async (context: restate.Context, index: number) => {
      const reserved = await context.run("reserve", async () => index + 1);
      const charged = await context.run("charge", async () => reserved * 2);
      return context.run("ship", async () => ({ ...payload(index), total: charged }));
    },
  },
});

type Run = (index: number) => Promise<unknown>;

/** Three-step workflows a second at 64 in flight on one Restate node. */
export function restateThroughput(): Promise<Figure> {
  return withRestate(async (run) => {
    await lanes(100, 16, run);
    return { name: "Restate 1.7, one node", durability: "process", value: await lanes(1500, 64, run) };
  });
}

/** Median milliseconds from start to result, one at a time. */
export function restateLatency(): Promise<Figure> {
  return withRestate(async (run) => {
    const times: number[] = [];
    for (let index = 0; index < 220; index += 1) {
      const startedMs = performance.now();
      await run(index);
      if (index >= 20) times.push(performance.now() - startedMs);
    }
    return { name: "Restate 1.7, one node", durability: "process", value: median(times) };
  });
}

function withRestate(work: (run: Run) => Promise<Figure>): Promise<Figure> {
  return inFolder(async (folder) => {
    const server = spawn("node_modules/.bin/restate-server", ["--no-logo", "--base-dir", folder], {
      stdio: "ignore",
      // The command starts the server as a child of its own: a group, so that both can be ended.
      detached: true,
      env: {
        ...process.env,
        RESTATE_INGRESS__BIND_ADDRESS: "127.0.0.1:58080",
        RESTATE_ADMIN__BIND_ADDRESS: "127.0.0.1:59070",
        RESTATE_BIND_ADDRESS: "127.0.0.1:55122",
        RESTATE_LOG_FILTER: "error",
      },
    });
    try {
      await restate.serve({ services: [order], port: 59_080 });
      await register();
      const client = clients.connect({ url: "http://127.0.0.1:58080" }).serviceClient<typeof order>({ name: "order" });
      return await work(async (index) => await client.run(index));
    } finally {
      process.kill(-(server.pid ?? 0), "SIGKILL");
      await Promise.race([once(server, "exit"), sleep(3000)]);
    }
  });
}

async function register(): Promise<void> {
  const body = JSON.stringify({ uri: "http://127.0.0.1:59080", force: true });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch("http://127.0.0.1:59070/deployments", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(200);
  }
  throw new Error("the Restate server did not accept the deployment within 20 s");
}
