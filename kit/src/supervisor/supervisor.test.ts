import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { ConfigError, DisposedError } from "../errors/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { world } from "./fake-processes.test-world.ts";
import { type ChildDefinition, CrashLoopError, openSupervisor } from "./mod.ts";

const orders: ChildDefinition = { name: "orders", module: "orders.ts" };
const chain: readonly ChildDefinition[] = [
  { name: "gateway", module: "gateway.ts", after: ["orders"] },
  { ...orders, after: ["stock", "mail"], instances: 2 },
  { name: "stock", module: "stock.ts" },
  { name: "mail", module: "mail.ts" },
];

describe("starting", () => {
  test("follows `after`, in parallel otherwise, and is told to those who wait", async () => {
    const { supervisor, log, states } = await world({ children: chain });
    await supervisor.whenReady();
    expect(log).toEqual(["start stock#0", "start mail#0", "start orders#0", "start orders#1", "start gateway#0"]);
    expect(states().every((state) => state.endsWith(" ready"))).toBe(true);
    expect(supervisor.table.entries.map(({ name, address }) => `${name} ${address}`)).toEqual([
      "stock host:100",
      "mail host:101",
      "orders host:102",
      "orders host:103",
      "gateway host:104",
    ]);
  });

  test("shows what a child waits for", async () => {
    const { supervisor, last, clock } = await world({ children: chain }, { start: "never" });
    expect(supervisor.children.at(-1)).toMatchObject({ state: "waiting", reason: "waits for orders" });
    expect(supervisor.children.find(({ name }) => name === "orders")?.reason).toBe("waits for stock, mail");
    last("stock").say({ kind: "ready" });
    await clock.settle();
    expect(supervisor.children.find(({ name }) => name === "orders")?.reason).toBe("waits for mail");
    expect(await supervisor.reload("orders")).toMatchObject({ outcome: "kept", reason: "it waits for others" });
  });

  test("that takes too long is a death", async () => {
    const { clock, supervisor, last, habits } = await world({}, { start: "never" });
    habits.start = "ready";
    const slow = last("orders");
    await clock.advance(2_000);
    expect(slow.kills).toEqual(["SIGKILL"]);
    expect(supervisor.children[0]).toMatchObject({ state: "backing-off", reason: "was not ready within 2000 ms" });
    await clock.advance(100);
    expect(supervisor.children[0]).toMatchObject({ state: "ready", restarts: 1, reason: "" });
  });

  test("that fails at once is a death with its reason", async () => {
    const { clock, supervisor, last } = await world({}, { start: "never" });
    last("orders").die({ code: null, signal: null, error: new Error("spawn ENOENT") });
    await clock.settle();
    expect(supervisor.children[0]?.reason).toBe("could not be started: spawn ENOENT");
  });
});

describe("a child that dies", () => {
  test("leaves the table at once, and comes back after a back-off under a new address", async () => {
    const { clock, supervisor, last } = await world({ children: [orders, { name: "mail", module: "mail.ts" }] });
    last("orders").die({ code: null, signal: "SIGKILL" });
    await clock.settle();
    expect(supervisor.children[0]).toMatchObject({ state: "backing-off", reason: "was killed by SIGKILL" });
    expect(last("mail").toldTable()?.["entries"]).toEqual([{ name: "mail", instance: 0, address: "host:101" }]);
    await clock.advance(100);
    expect(supervisor.table.entries[0]).toEqual({ name: "orders", instance: 0, address: "host:102" });
    expect(last("mail").toldTable()).toMatchObject({ version: supervisor.table.version });
  });

  test("again and again is given up, is said so, and the others go on", async () => {
    const { clock, supervisor, started, last } = await world({
      children: [orders, { name: "mail", module: "mail.ts" }],
      restart: { crashesMax: 3 },
    });
    for (let death = 0; death < 4; death++) {
      last("orders").die();
      await clock.advance(5_000);
    }
    expect(supervisor.children.map(({ state }) => state)).toEqual(["failed", "ready"]);
    expect(started).toHaveLength(5);
    await clock.advance(3_600_000);
    expect(started).toHaveLength(5);
    await expect(supervisor.whenReady()).rejects.toEqual(new CrashLoopError("orders", 0, "exited with 1"));
  });

  test("in a crash loop is started again by a reload, with a clean record", async () => {
    const { clock, supervisor, last, habits } = await world({ restart: { crashesMax: 1 } });
    for (let death = 0; death < 2; death++) {
      last("orders").die();
      await clock.advance(200);
    }
    expect(supervisor.children[0]?.state).toBe("failed");
    habits.start = "exit";
    expect(await supervisor.reload("orders")).toEqual({ outcome: "kept", replaced: 0, reason: "exited with 1" });
    expect(supervisor.children[0]?.state).toBe("backing-off");
    habits.start = "ready";
    expect(await supervisor.reload("orders")).toEqual({ outcome: "replaced", replaced: 1, reason: "" });
    expect(supervisor.children[0]?.state).toBe("ready");
  });
});

describe("heartbeats", () => {
  test("that stop are a frozen child, which is killed and replaced", async () => {
    const { clock, supervisor, last } = await world();
    const frozen = last("orders");
    await clock.advance(10_000);
    expect([frozen.isAlive, supervisor.children[0]?.missedHeartbeats]).toEqual([true, 0]);
    frozen.habits.answers = "nothing";
    frozen.habits.leaves = "only by SIGKILL";
    await clock.advance(3_000);
    expect([frozen.isAlive, supervisor.children[0]?.missedHeartbeats]).toEqual([true, 2]);
    await clock.advance(1_000);
    expect(frozen.kills).toEqual(["SIGKILL"]);
    expect(supervisor.events.map(({ state, reason }) => `${state} ${reason}`)).toContain(
      "backing-off is frozen: 3 heartbeats were missed",
    );
    await clock.advance(100);
    expect(supervisor.children[0]).toMatchObject({ state: "ready", restarts: 1 });
  });

  test("that are late now and then are only counted", async () => {
    const { clock, last } = await world();
    const busy = last("orders");
    for (let round = 0; round < 5; round++) {
      busy.habits.answers = "nothing";
      await clock.advance(2_000);
      busy.habits.answers = "all";
      await clock.advance(2_000);
    }
    expect(busy.isAlive).toBe(true);
  });

  test("are not asked of a child that is starting", async () => {
    const { clock, last } = await world({ readyTimeoutMs: 60_000 }, { start: "never", answers: "nothing" });
    await clock.advance(30_000);
    expect(last("orders").isAlive).toBe(true);
  });
});

describe("stopping", () => {
  test("goes in reverse order, by SIGTERM, and starts nothing any more", async () => {
    const { clock, supervisor, log, started, states } = await world({ children: chain });
    await supervisor[Symbol.asyncDispose]();
    await supervisor[Symbol.asyncDispose]();
    const ends = log.filter((line) => line.startsWith("end"));
    expect(ends).toEqual(["end gateway#0", "end orders#0", "end orders#1", "end mail#0", "end stock#0"]);
    expect(started.every(({ kills }) => kills.join() === "SIGTERM")).toBe(true);
    await clock.advance(60_000);
    expect([started.length, clock.timersPending]).toEqual([5, 0]);
    expect(new Set(states().map((state) => state.split(" ")[1]))).toEqual(new Set(["stopped"]));
    expect(await supervisor.reload("orders")).toMatchObject({ outcome: "kept", reason: "the supervisor stops" });
  });

  test("leaves a child alone until all that need it are gone", async () => {
    const { clock, supervisor, last } = await world({ children: chain });
    last("gateway").habits.leaves = "only by SIGKILL";
    const stopped = supervisor[Symbol.asyncDispose]();
    await clock.advance(499);
    expect([last("gateway").isAlive, last("orders").kills, last("stock").isAlive]).toEqual([true, [], true]);
    await clock.advance(1);
    await stopped;
    expect(last("stock").isAlive).toBe(false);
  });

  test("kills what does not leave within the grace, and gives up on what even that does not end", async () => {
    const { clock, supervisor, started } = await world({ children: [orders, { name: "mail", module: "mail.ts" }] });
    const [first, second] = started;
    if (first !== undefined) first.habits.leaves = "only by SIGKILL";
    if (second !== undefined) second.habits.leaves = "never";
    const stopped = supervisor[Symbol.asyncDispose]();
    await clock.advance(499);
    expect(first?.isAlive).toBe(true);
    await clock.advance(1);
    expect([first?.isAlive, first?.kills]).toEqual([false, ["SIGTERM", "SIGKILL"]]);
    await clock.advance(5_000);
    await stopped;
    expect(supervisor.children.map(({ reason }) => reason)).toEqual(["", "could not be killed"]);
    expect(clock.timersPending).toBe(0);
  });

  test("during a back-off, a start and a reload leaves no process and no timer", async () => {
    const { clock, supervisor, started, habits, last } = await world({
      children: [orders, { name: "mail", module: "mail.ts" }, { name: "stock", module: "stock.ts" }],
    });
    last("mail").die();
    habits.start = "never";
    const reloaded = supervisor.reload("orders");
    await clock.advance(200);
    last("stock").die();
    await clock.settle();
    expect(supervisor.children.map(({ state }) => state)).toEqual(["ready", "starting", "backing-off"]);
    await supervisor[Symbol.asyncDispose]();
    expect((await reloaded).outcome).toBe("kept");
    expect([started.some(({ isAlive }) => isAlive), clock.timersPending]).toEqual([false, 0]);
  });

  test("rejects those who wait for readiness", async () => {
    const { supervisor } = await world({}, { start: "never" });
    const ready = supervisor.whenReady().catch((error: unknown) => error);
    await supervisor[Symbol.asyncDispose]();
    expect(await ready).toBeInstanceOf(DisposedError);
  });
});

describe("messages", () => {
  test("pass both ways; what is not of the protocol is ignored and counted, across restarts", async () => {
    const heard: unknown[] = [];
    const { clock, supervisor, last } = await world({ onMessage: (from, body) => heard.push({ from, body }) });
    const child = last("orders");
    child.say({ kind: "message", body: { n: 1 } });
    for (const strange of [
      undefined,
      7,
      "ready",
      null,
      { kind: "jump" },
      { kind: "seen", version: -1 },
      { kind: "ready", address: "" },
    ])
      child.say(strange);
    expect(heard).toEqual([{ from: { name: "orders", instance: 0 }, body: { n: 1 } }]);
    expect(supervisor.children[0]).toMatchObject({ ignoredMessages: 7, address: "host:100" });
    expect(supervisor.send("orders", "go")).toBe(1);
    expect(child.told.at(-1)).toEqual({ kind: "message", body: "go" });
    child.die();
    await clock.settle();
    expect([supervisor.send("orders", "go"), supervisor.children[0]?.ignoredMessages]).toEqual([0, 7]);
  });

  test("ready a second time changes nothing", async () => {
    const { supervisor, last } = await world();
    last("orders").say({ kind: "ready", address: "elsewhere" });
    expect([supervisor.table.entries[0]?.address, supervisor.children[0]?.address]).toEqual(["host:100", "host:100"]);
  });

  test("a table that a full channel does not take is sent when it takes messages again, the newest only", async () => {
    const { clock, supervisor, last } = await world({ children: [orders, { name: "mail", module: "mail.ts" }] });
    const mail = last("mail");
    const before = mail.toldTable()?.["version"];
    mail.habits.channel = "full";
    last("orders").die();
    await clock.advance(1_900);
    expect(mail.toldTable()?.["version"]).toBe(before);
    mail.habits.channel = "open";
    await clock.advance(1_000);
    expect(mail.toldTable()?.["version"]).toBe(supervisor.table.version);
  });
});

test("changes of state are told, and the last 256 are kept", async () => {
  const seen: string[] = [];
  using _listener = subscribe("ashlar.supervisor.child", ({ child, state }) => seen.push(`${child} ${state}`));
  const { clock, supervisor, last } = await world({ restart: { crashesMax: 1_000, healthyMs: 0 } });
  expect(seen).toEqual(["orders starting", "orders ready"]);
  for (let death = 0; death < 100; death++) {
    last("orders").die();
    await clock.advance(200);
  }
  expect([supervisor.events.length, supervisor.events.at(-1)?.state]).toEqual([256, "ready"]);
});

test("waiting for readiness ends with its signal and leaves no listener", async () => {
  const { supervisor } = await world({}, { start: "never" });
  const controller = new AbortController();
  const ready = supervisor.whenReady({ signal: controller.signal });
  controller.abort("enough");
  await expect(ready).rejects.toBe("enough");
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  await expect(supervisor.whenReady({ signal: AbortSignal.abort("before") })).rejects.toBe("before");
});

test("output is told by line with its source, complete also when the child dies in the middle of one", async () => {
  const lines: string[] = [];
  const { last } = await world({
    onOutput: ({ name, instance, stream, text }) => lines.push(`${name}#${instance} ${stream} ${text}`),
  });
  const child = last("orders");
  child.write("stdout", "one\r\ntw");
  child.write("stderr", "oops\n");
  child.write("stdout", "o\nthr");
  child.die();
  child.write("stdout", "ee");
  expect(lines).toEqual([
    "orders#0 stdout one",
    "orders#0 stderr oops",
    "orders#0 stdout two",
    "orders#0 stdout thr",
    "orders#0 stdout ee",
  ]);
});

test.each([
  ["no children", []],
  ["two of one name", [orders, orders]],
  ["a name that is no name", [{ name: "Orders!", module: "a" }]],
  ["neither module nor command", [{ name: "a" }]],
  ["both", [{ name: "a", module: "a", command: "b" }]],
  ["no instances", [{ ...orders, instances: 0 }]],
  ["an unknown one to wait for", [{ ...orders, after: ["stock"] }]],
  [
    "a circle",
    [
      { name: "a", module: "a", after: ["b"] },
      { name: "b", module: "b", after: ["a"] },
    ],
  ],
] as const)("definitions with %s are refused before anything is started", async (_, children) => {
  const processes = { spawn: () => expect.unreachable() };
  await expect(openSupervisor({ children, processes })).rejects.toThrow(ConfigError);
});
