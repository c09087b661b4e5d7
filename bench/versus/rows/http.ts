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
    await many(10_000);
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

const base: Omit<Row, "rival" | "path"> = {
  better: "lower",
  unit: "us CPU",
  bar: 19,
  limitName: "us CPU, node:http by hand, no validation",
  ours: () => costOf("ashlar", "Ashlar, validated"),
  limit: () => costOf("node", "node:http"),
};

export const httpFastify: Row = {
  ...base,
  path: "HTTP request, CPU of the server, beside Fastify",
  rival: () => costOf("fastify", "Fastify 5.12, response schema"),
};

export const httpHono: Row = {
  ...base,
  path: "HTTP request, CPU of the server, beside Hono",
  rival: () => costOf("hono", "Hono 4.13, no validation"),
};

export const httpMoleculer: Row = {
  ...base,
  path: "HTTP request, CPU of the server, beside moleculer-web",
  rival: () => costOf("moleculer", "moleculer-web 0.11"),
};
