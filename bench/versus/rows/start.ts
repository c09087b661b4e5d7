import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { inFolder, median, type Figure, type Row } from "../frame.ts";

const root = join(import.meta.dirname, "../../..");
const starts = 7;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Milliseconds from the start of the process to its first answer. */
async function firstAnswerMs(words: (port: number) => readonly string[], path: string): Promise<number> {
  const port = await freePort();
  // Compiled code is kept between starts, as it is where programs are deployed.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "ashlar-versus-compiled") };
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...words(port)], { env, stdio: "ignore" });
  try {
    while ((await statusOf(`http://127.0.0.1:${port}${path}`)) !== 200) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return performance.now() - startedMs;
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

async function statusOf(url: string): Promise<number> {
  try {
    const response = await fetch(url, { headers: { connection: "close" } });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

async function medianMs(once: () => Promise<number>): Promise<number> {
  await once();
  const times: number[] = [];
  for (let start = 0; start < starts; start += 1) times.push(await once());
  return median(times);
}

const bare = `require("node:http").createServer((q, s) => s.end("{}")).listen(Number(process.argv[1]), "127.0.0.1")`;

export const coldStart: Row = {
  path: "start of the shop to its first answer, nine services on nine fresh files",
  better: "lower",
  unit: "ms",
  bar: 300,
  limitName: "ms, node:http that answers {}",
  ours: async (): Promise<Figure> => {
    const shop = (folder: string) => (port: number) => [
      "--conditions=ashlar-source",
      join(root, "systems/shop/main.js"),
      ...["start", "--orders", "0", "--port", String(port), "--data", join(folder, "data")],
    ];
    const value = await medianMs(() => inFolder((folder) => firstAnswerMs(shop(folder), "/products?limit=1")));
    return { name: "Ashlar shop, TypeScript sources, compile cache", durability: "process", value };
  },
  limit: async (): Promise<Figure> => {
    const value = await medianMs(() => firstAnswerMs((port) => ["-e", bare, String(port)], "/"));
    return { name: "node:http", durability: "memory", value };
  },
};
