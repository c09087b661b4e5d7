// What a saga of three steps costs on each engine: node --conditions=ashlar-source kit/src/saga/saga.bench.ts [RUNS]
// Beside it, in the same run, the same commits without the saga: what is left is the price of the capability.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { openSagas, saga } from "./mod.ts";

const count = Number(process.argv[2] ?? 20_000);
const inFlight = 64;

const order = saga("bench", { version: "1" }, async (input: { readonly n: number }, { step }) => {
  const reserved = await step("reserve", () => ({ hold: input.n }), { undo: () => undefined });
  const paid = await step("charge", () => ({ payment: reserved.hold }), { undo: () => undefined });
  return await step("ship", () => ({ parcel: paid.payment }));
});

async function measure(name: string, callers: number, one: (n: number) => Promise<void>): Promise<void> {
  const total = callers === 1 ? Math.ceil(count / 10) : count;
  const latencies: number[] = [];
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < total) {
      const beganMs = systemClock.monotonic();
      await one(next++);
      latencies.push(systemClock.monotonic() - beganMs);
    }
  };
  const usedBefore = process.cpuUsage();
  const startedMs = systemClock.monotonic();
  await Promise.all(Array.from({ length: callers }, caller));
  const perSecond = Math.round((total / (systemClock.monotonic() - startedMs)) * 1_000);
  const used = process.cpuUsage(usedBefore);
  latencies.sort((left, right) => left - right);
  const at = (share: number): string => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
  const cpu = Math.round((used.user + used.system) / total);
  process.stdout.write(
    `${name.padEnd(34)} ${String(callers).padStart(3)} in flight ${perSecond.toLocaleString("en-US").padStart(8)} /s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  ${cpu} us of processor each\n`,
  );
}

/** The five commits of such a run, by hand. */
async function control(engine: Engine, key: string): Promise<void> {
  const cell = { space: "bench", key };
  const text = "x".repeat(160);
  const message = { body: key, claimForMs: 30_000 };
  const started = await engine.commit([
    { op: "put", cell, expect: "absent", value: text },
    { op: "enqueue", queue: "bench", messages: [message] },
  ]);
  const outcome = started.committed ? started.outcomes[1] : undefined;
  const receipt = outcome?.op === "enqueue" ? outcome.messages[0]?.receipt : undefined;
  if (receipt === undefined) throw new Error("the control was refused");
  for (let step = 1; step <= 3; step++)
    await engine.commit([
      { op: "hold", receipt },
      { op: "put", cell, expect: "any", value: text + "y".repeat(step * 60) },
    ]);
  await engine.commit([
    { op: "settle", receipt, as: { kind: "ack" } },
    { op: "put", cell, expect: "any", value: text, expiresInMs: 2_592_000_000 },
    { op: "check", cell: { space: "bench-mail", key }, expect: "absent" },
  ]);
}

async function measureEngine(name: string, engine: Engine): Promise<void> {
  // More places than callers: none of them waits for a place.
  const sagas = await openSagas({ engine, sagas: [order], concurrency: 2 * inFlight });
  const idOf = (kind: string, n: number): string => `${kind}-${String(n).padStart(9, "0")}`;
  for (const callers of [1, inFlight]) {
    await measure(`${name}: run of three steps`, callers, async (n) => {
      const run = await sagas.start(order, idOf(`run${callers}`, n), { n });
      await run.result();
    });
    await measure(`${name}: the same commits`, callers, (n) => control(engine, idOf(`control${callers}`, n)));
  }
  await sagas[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
}

const folder = mkdtempSync(join(tmpdir(), "ashlar-bench-"));
try {
  await measureEngine("memory", await openMemoryEngine());
  for (const durability of ["process", "disk"] as const)
    await measureEngine(
      `sqlite, ${durability}`,
      await openSqliteEngine({ path: join(folder, `${durability}.db`), durability }),
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
