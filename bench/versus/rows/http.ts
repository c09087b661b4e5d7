import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { type Figure, type Row } from "../frame.ts";

/** Requests a second of a server in a process of its own, 64 connections; and what each costs it in CPU. */
async function costOf(side: string, name: string): Promise<Figure> {
  const child = fork(join(import.meta.dirname, "../rivals/http-servers.ts"), [side], { execArgv: process.execArgv });
  try {
    const [port] = (await once(child, "message")) as [number];
    const { Pool } = await import("undici");
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 64, pipelining: 1 });
    const ask = async (): Promise<void> => {
      const { body, statusCode } = await pool.request({ method: "GET", path: "/orders/1029?limit=5" });
      if (statusCode !== 200) throw new Error(`${side} answered ${statusCode}`);
      await body.dump();
    };
    const many = async (count: number): Promise<void> => {
      let left = count;
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          while (left-- > 0) await ask();
        }),
      );
    };
    // As it is after a while: compiled by the optimiser, on every side.
    await many(40_000);
    child.send("start");
    await once(child, "message");
    await many(40_000);
    child.send("stop");
    const [cpuMicros] = (await once(child, "message")) as [number];
    await pool.close();
    return { name, durability: "memory", value: cpuMicros / 40_000 };
  } finally {
    child.kill();
  }
}

export const http: Row = {
  path: "HTTP request, CPU of the server",
  better: "lower",
  unit: "us CPU",
  bar: 19,
  limitName: "us CPU, node:http by hand, no validation",
  ours: () => costOf("ashlar", "Ashlar, validated"),
  rivals: [
    () => costOf("fastify", "Fastify 5.12, response schema"),
    () => costOf("hono", "Hono 4.13, no validation"),
    () => costOf("moleculer", "moleculer-web 0.11"),
  ],
  limit: () => costOf("node", "node:http"),
};
