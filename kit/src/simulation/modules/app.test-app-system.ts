// An ordinary program: it has never heard of a simulation.
import { randomUUID } from "node:crypto";
import { promises } from "node:fs";
import http from "node:http";
import { promises as timers } from "node:timers";

const { appendFile, open, readFile } = promises;

let served = 0;

export async function serve(port: number): Promise<void> {
  await appendFile("/data/starts", `${new Date().toISOString()}\n`);
  const file = await open("/data/starts", "r");
  await file.sync();
  await (await open("/data", "r")).sync();
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      setTimeout(() => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ served: ++served, body, url: request.url, id: randomUUID() }));
      }, Math.random() * 20);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, resolve));
}

export async function starts(): Promise<number> {
  return (await readFile("/data/starts", "utf8")).split("\n").length - 1;
}

export async function ask(url: string, count: number): Promise<string[]> {
  const log: string[] = [];
  for (let n = 0; n < count; n++) {
    const startedMs = performance.now();
    try {
      const response = await fetch(url, { method: "POST", body: `question ${n}`, signal: AbortSignal.timeout(200) });
      const { served, body, id } = (await response.json()) as { served: number; body: string; id: string };
      log.push(
        `${served} ${body} ${id} after ${performance.now() - startedMs} at ${Date.now()} ${response.headers.get("date")}`,
      );
    } catch (error) {
      log.push(`${(error as Error).name} at ${Date.now()}`);
    }
    await timers.setTimeout(100);
  }
  return log;
}

export async function load(name: string): Promise<unknown> {
  return await import(name);
}
