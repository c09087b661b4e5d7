import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { openWireServer } from "ashlar/wire";
import { expect, test } from "vitest";
import { testFolder, writeOrders } from "./replay/replay.test-shop.ts";

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly notes: string;
}

async function shop(args: readonly string[], interruptAt?: string): Promise<Ended> {
  const child = spawn(process.execPath, ["--conditions=ashlar-source", join(import.meta.dirname, "main.js"), ...args]);
  let output = "";
  let notes = "";
  let isInterrupted = false;
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    notes += chunk.toString();
    if (interruptAt === undefined || isInterrupted || !notes.includes(interruptAt)) return;
    isInterrupted = true;
    child.kill("SIGTERM");
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output, notes };
}

function orders(count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) => `${500_000 + index},85123A,LAMP,1,2010-12-01 08:26:00,2.55,17850.0,France`,
  );
}

test("the last line of a replay with --json is the one object with all its keys", async () => {
  using folder = testFolder();
  const file = writeOrders(folder.path, "orders.csv", orders(3));
  const { code, output } = await shop(["replay", file, "--data", join(folder.path, "data"), "--json"]);
  expect(code).toBe(0);
  const report = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
  expect(Object.keys(report)).toEqual([
    "lines",
    "orders",
    "returns",
    "money",
    "stock",
    "notifications",
    "invariants",
    "seconds",
    "ordersPerSecond",
    "stepLatencyMs",
  ]);
  expect(report).toMatchObject({
    orders: { placed: 3, confirmed: 3, rejected: {}, open: 0 },
    stock: { received: 3, shipped: 3 },
  });
});

test("a command or file that makes no sense ends with status 2 and one sentence", async () => {
  using folder = testFolder();
  const file = writeOrders(folder.path, "orders.csv", []);
  for (const args of [
    ["replay"],
    ["replay", "none.csv", "--data", folder.path],
    ["replay", "x", "--stock", "much"],
    ["replay", file, "--data", file],
    ["start", "--data", join(file, "data")],
    ["start", "--orders", "-1"],
    ["node", "--only", "nobody", "--data", folder.path],
  ]) {
    const { code, notes, output } = await shop(args);
    expect({ code, output }).toEqual({ code: 2, output: "" });
    expect(notes.trim().split("\n")).toHaveLength(1);
  }
  const { notes } = await shop(["start", "--orders", "-5"]);
  expect(notes).toBe('shop: --orders is "-5"; give it an integer from 0 to 100000\n');
});

test("a process of its own says what it runs and where, and what it can be told", async () => {
  using folder = testFolder();
  const { code, notes } = await shop(
    ["node", "--only", "orders,cart", "--port", "0", "--data", folder.path],
    "Running",
  );
  expect(notes).toMatch(/^Running orders, cart, data in .*, open on http:\/\/127\.0\.0\.1:\d+\. Ctrl-C stops\.$/m);
  expect(code).toBe(0);
  const help = await shop(["node", "--help"]);
  expect(help).toMatchObject({ code: 0, notes: "", output: expect.stringContaining("--only, ASHLAR_ONLY") });
});

test("an address where nobody can be called or served is told in one sentence with status 2", async () => {
  using folder = testFolder();
  const only = ["node", "--only", "cart", "--data", folder.path];
  await using taken = await openWireServer({ identity: "another", call: () => Promise.resolve(null) });
  const { address } = taken;
  for (const [args, sentence] of [
    [["--listen", address], `${address} cannot be listened at: it is in use by another process`],
    // An address for documentation, which no machine has (RFC 5737).
    [["--listen", "192.0.2.1:7000"], "192.0.2.1:7000 cannot be listened at: it is no address of this machine"],
    [["--listen", "cart"], 'option address is "cart", expected host:port, or the path of a socket file with a / in it'],
    [
      ["--host", "192.0.2.1", "--port", "7001"],
      "port 7001 cannot be listened on at 192.0.2.1, which is no address of this machine",
    ],
  ] as const)
    expect(await shop([...only, ...args])).toEqual({ code: 2, output: "", notes: `shop: ${sentence}\n` });
});

test("a replay that is asked to stop does so in good order, and the next one goes on", async () => {
  using folder = testFolder();
  const file = writeOrders(folder.path, "orders.csv", orders(3_000));
  const args = ["replay", file, "--data", join(folder.path, "data")];
  const stopped = await shop(args, "replaying");
  expect(stopped).toMatchObject({ code: 143 });
  expect(stopped.output).toContain("Stopped; the same command goes on from here.");
  const ended = await shop(args);
  expect(ended.code).toBe(0);
  expect(ended.output).toContain("3,000 placed, 3,000 confirmed, 0 open");
});
