import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { lanes, median, type Figure, type Row } from "../frame.ts";

type Call = (id: string) => Promise<unknown>;

/** Calls to a service in another process. */
async function withServer<T>(side: string, work: (call: Call) => Promise<T>): Promise<T> {
  const child = fork(join(import.meta.dirname, "../rivals/call-servers.ts"), [side], { execArgv: process.execArgv });
  try {
    const [address] = (await once(child, "message")) as [string];
    const { callerOf } = await import("../rivals/call-servers.ts");
    const caller = await callerOf(side, address);
    try {
      return await work(caller.call);
    } finally {
      await caller.close();
    }
  } finally {
    child.kill();
  }
}

async function rate(side: string, name: string): Promise<Figure> {
  return await withServer(side, async (call) => {
    await lanes(20_000, 64, () => call("1029"));
    const rounds: number[] = [];
    for (let round = 0; round < 5; round++) rounds.push(await lanes(40_000, 64, () => call("1029")));
    return { name, durability: "memory", value: median(rounds) };
  });
}

async function latency(side: string, name: string): Promise<Figure> {
  return await withServer(side, async (call) => {
    const times: number[] = [];
    for (let index = 0; index < 6_000; index++) {
      const startedMs = performance.now();
      await call("1029");
      if (index >= 1_000) times.push((performance.now() - startedMs) * 1_000);
    }
    return { name, durability: "memory", value: median(times) };
  });
}

export const wireRate: Row = {
  path: "call to another process over TCP, all guards, 64 in flight",
  better: "higher",
  unit: "calls/s",
  bar: 150_000,
  limitName: "bare newline JSON over one socket",
  ours: () => rate("ashlar", "Ashlar"),
  rivals: [() => rate("moleculer", "Moleculer 0.15 TCP, no guards")],
  limit: () => rate("bare", "newline JSON"),
};

export const wireLatency: Row = {
  path: "call to another process over TCP, one at a time, p50",
  better: "lower",
  unit: "us",
  bar: 100,
  limitName: "bare newline JSON over one socket",
  ours: () => latency("ashlar", "Ashlar"),
  rivals: [() => latency("moleculer", "Moleculer 0.15 TCP")],
  limit: () => latency("bare", "newline JSON"),
};
