import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { connect } from "@nats-io/transport-node";

import { inFolder, servers } from "../frame.ts";

/** Runs `work` with a NATS server of its own, which keeps streams in files and syncs them every two minutes, as it does by default. */
export async function withNats<T>(work: (url: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const url = `nats://127.0.0.1:${servers.natsPort}`;
    const words = ["-a", "127.0.0.1", "-p", String(servers.natsPort), "-js", "-sd", folder];
    const server = spawn("nats-server", words, { stdio: "ignore" });
    try {
      const probe = await connect({ servers: url, waitOnFirstConnect: true, reconnectTimeWait: 50 });
      await probe.close();
      return await work(url);
    } finally {
      server.kill("SIGTERM");
      await Promise.race([once(server, "exit"), sleep(3000)]);
    }
  });
}
