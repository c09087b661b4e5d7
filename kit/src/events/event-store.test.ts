import { describe, expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { openMemoryEngine } from "../engine/memory/mod.ts";
import { account, type AccountEvent, accountEvents, accountWith } from "./account.test-domain.ts";
import type { EventStore } from "./event-store.ts";
import { openEventStore } from "./open-event-store.ts";

const opened: AccountEvent = { type: "Opened", data: { owner: "Ada" } };
const deposited = (cents: number): AccountEvent => ({ type: "Deposited", data: { cents } });

async function open(options: { readonly cacheStreams?: number } = {}): Promise<EventStore & AsyncDisposable> {
  const engine = await openMemoryEngine({ clock: manualClock() });
  const store = await openEventStore({ engine, ...options });
  return Object.assign(store, { [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() });
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

describe("append", () => {
  test("a peer's defect: every wrong expected version is refused, with the actual one", async () => {
    await using store = await open();
    expect(await store.append("s", [opened], { expected: "existing" })).toMatchObject({
      status: "conflict",
      actual: 0,
    });
    expect(await store.append("s", [opened], { expected: 1 })).toMatchObject({ status: "conflict", actual: 0 });
    expect(await store.append("s", [opened], { expected: "new" })).toEqual({ status: "appended", version: 1 });
    expect(await store.append("s", [opened], { expected: "new" })).toMatchObject({ status: "conflict", actual: 1 });
    expect(await store.append("s", [opened], { expected: 0 })).toMatchObject({ status: "conflict", actual: 1 });
    expect(await store.append("s", [deposited(5)], { expected: "existing" })).toEqual({
      status: "appended",
      version: 2,
    });
    expect(await store.append("s", [deposited(5)], { expected: "any" })).toEqual({ status: "appended", version: 3 });
    expect(await store.append("s", [deposited(5)], { expected: 3 })).toEqual({ status: "appended", version: 4 });
  });

  test("a command id appends once", async () => {
    await using store = await open();
    await store.append("s", [opened], { expected: "new", commandId: "c1" });
    expect(await store.append("s", [opened], { expected: "new", commandId: "c1" })).toEqual({
      status: "repeated",
      version: 1,
    });
    expect(await store.append("t", [opened], { expected: "new", commandId: "c1" })).toEqual({
      status: "appended",
      version: 1,
    });
  });

  test("a repeated append reports the version that the first one led to", async () => {
    await using store = await open();
    const [first, second] = [
      { expected: "any", commandId: "first / one" },
      { expected: "new", commandId: "second" },
    ] as const;
    await store.append("s", [opened], { expected: "any" });
    await store.append("s", [deposited(1), deposited(2)], first);
    await store.append("s", [deposited(3)], { expected: "any", commandId: "another" });
    await store.append("t", [opened], second);
    await store.append("t", [deposited(1)], { expected: "any" });
    expect(await store.append("s", [deposited(1), deposited(2)], first)).toEqual({ status: "repeated", version: 3 });
    expect(await store.append("t", [opened], second)).toEqual({ status: "repeated", version: 1 });
  });

  test("what is appended is read back in order, with its place and meta", async () => {
    await using store = await open();
    await store.append("s", [opened, deposited(1)], { expected: "new", meta: { correlationId: "x" } });
    await store.append("t", [opened], { expected: "new" });
    const events = await all(store.readStream("s", { types: accountEvents }));
    expect(events.map(({ type, version, position, meta }) => [type, version, position, meta?.correlationId])).toEqual([
      ["Opened", 1, 1, "x"],
      ["Deposited", 2, 2, "x"],
    ]);
    expect(await all(store.readStream("s", { after: 1 }))).toHaveLength(1);
    expect(await all(store.readStream("s", { upTo: { version: 1 } }))).toHaveLength(1);
    expect((await all(store.readAll({ after: 1 }))).map((event) => event.position)).toEqual([2, 3]);
    expect(await all(store.readAll({ streamPrefix: "t" }))).toHaveLength(1);
  });

  test("change() enlists an append in the caller's own commit", async () => {
    await using store = await open();
    const change = store.change("s", [opened], { expected: "new", types: accountEvents });
    expect(await store.engine.commit([change])).toMatchObject({ committed: true });
    expect(await all(store.readStream("s"))).toHaveLength(1);
  });
});

describe("begin", () => {
  test("what it began is new, or refuses the commit", async () => {
    await using store = await open();
    const begin = () => store.begin(account, "1", { kind: "open", owner: "Ada" });
    for (const committed of [true, false]) {
      const first = begin();
      const result = await store.engine.commit(first === undefined ? [] : [first.change]);
      expect(result.committed).toBe(committed);
      first?.committed(result);
    }
    expect(await store.load(account, "1")).toEqual({ version: 1, state: { owner: "Ada", cents: 0 } });
    expect(store.begin(account, "2", { kind: "deposit", cents: 1 })).toBeUndefined();
    expect(store.begin(account, "2", { kind: "nothing" })).toBeUndefined();
  });

  test("the next command reads nothing, and one that knows more is not set back", async () => {
    await using store = await open();
    let reads = 0;
    const { engine } = store;
    const stream = engine.stream.bind(engine);
    engine.stream = (request) => (reads++, stream(request));
    const first = store.begin(account, "1", { kind: "open", owner: "Ada" });
    first?.committed(await engine.commit(first === undefined ? [] : [first.change]));
    expect(await store.execute(account, "1", { kind: "deposit", cents: 5 })).toMatchObject({ version: 2 });
    expect(reads).toBe(0);
    first?.committed({ committed: true });
    expect(await store.execute(account, "1", { kind: "deposit", cents: 5 })).toMatchObject({ version: 3 });
  });
});

describe("execute", () => {
  test("decides on the recorded state and appends what follows", async () => {
    await using store = await open();
    expect(await store.execute(account, "1", { kind: "deposit", cents: 5 })).toEqual({
      status: "rejected",
      rejection: "closed",
    });
    expect(await store.execute(account, "1", { kind: "open", owner: "Ada" })).toEqual({
      status: "accepted",
      version: 1,
      events: [opened],
    });
    await store.execute(account, "1", { kind: "deposit", cents: 5 });
    expect(await store.load(account, "1")).toEqual({ version: 2, state: { owner: "Ada", cents: 5 } });
  });

  test("a command that changes nothing is accepted with no events", async () => {
    await using store = await open();
    expect(await store.execute(account, "1", { kind: "nothing" })).toEqual({
      status: "accepted",
      version: 0,
      events: [],
    });
  });

  test("a repeated command id reports the first result, also when the rules would now say no", async () => {
    await using store = await open();
    const first = await store.execute(account, "1", { kind: "open", owner: "Ada" }, { commandId: "c" });
    await store.execute(account, "1", { kind: "deposit", cents: 5 }, { commandId: "d" });
    const repeat = await store.execute(account, "1", { kind: "open", owner: "Ada" }, { commandId: "c" });
    expect(repeat).toEqual({ ...first, status: "repeated" });
    const again = await store.execute(account, "1", { kind: "deposit", cents: 5 }, { commandId: "d" });
    expect(again).toEqual({ status: "repeated", version: 2, events: [deposited(5)] });
    expect((await store.load(account, "1")).state.cents).toBe(5);
  });

  test("a rejected command is not remembered, so it may succeed later", async () => {
    await using store = await open();
    await store.execute(account, "1", { kind: "deposit", cents: 5 }, { commandId: "d" });
    await store.execute(account, "1", { kind: "open", owner: "Ada" });
    expect(await store.execute(account, "1", { kind: "deposit", cents: 5 }, { commandId: "d" })).toMatchObject({
      status: "accepted",
    });
  });

  test.each([0, 10])(
    "scenario 15: 64 writers of one stream get consecutive versions (cacheStreams %i)",
    async (cacheStreams) => {
      await using store = await open({ cacheStreams });
      await store.execute(account, "1", { kind: "open", owner: "Ada" });
      const calls = Array.from({ length: 64 }, () => store.execute(account, "1", { kind: "deposit", cents: 1 }));
      const versions = (await Promise.all(calls)).map((result) => (result.status === "rejected" ? 0 : result.version));
      expect(versions.toSorted((left, right) => left - right)).toEqual(
        Array.from({ length: 64 }, (_, index) => index + 2),
      );
      expect((await store.load(account, "1")).state.cents).toBe(64);
    },
  );

  test("two stores with caches of their own never overdraw an account", async () => {
    await using store = await open();
    const other = await openEventStore({ engine: store.engine });
    await store.execute(account, "1", { kind: "open", owner: "Ada" });
    await store.execute(account, "1", { kind: "deposit", cents: 10 });
    const calls = Array.from({ length: 40 }, (_, index) =>
      (index % 2 === 0 ? store : other).execute(account, "1", { kind: "withdraw", cents: 1 }),
    );
    const accepted = (await Promise.all(calls)).filter((result) => result.status === "accepted");
    expect(accepted).toHaveLength(10);
    expect((await store.load(account, "1")).state.cents).toBe(0);
  });

  test("a rejection is never the echo of an old cache", async () => {
    await using store = await open();
    const other = await openEventStore({ engine: store.engine });
    await store.execute(account, "1", { kind: "open", owner: "Ada" });
    await other.execute(account, "1", { kind: "deposit", cents: 10 });
    expect(await store.execute(account, "1", { kind: "withdraw", cents: 10 })).toMatchObject({
      status: "accepted",
      version: 3,
    });
  });

  test("changes in `also` commit with the events or not at all", async () => {
    await using store = await open();
    const cell = { space: "test", key: "a" };
    const also = (): readonly [{ op: "put"; cell: typeof cell; expect: "absent"; value: string }] => [
      { op: "put", cell, expect: "absent", value: "x" },
    ];
    await store.execute(account, "1", { kind: "open", owner: "Ada" }, { also });
    expect(await store.engine.get([cell])).toMatchObject([{ value: "x" }]);
    await expect(store.execute(account, "1", { kind: "deposit", cents: 1 }, { also })).rejects.toMatchObject({
      code: "REFUSED",
    });
    expect((await store.load(account, "1")).version).toBe(1);
    expect(await store.execute(account, "1", { kind: "deposit", cents: 1 })).toMatchObject({
      status: "accepted",
      version: 2,
    });
  });

  test("an event that fails its schema is a fault and leaves no trace", async () => {
    await using store = await open();
    const broken = accountWith({ decide: () => [{ type: "Deposited", data: { cents: Number.NaN } }] });
    await expect(store.execute(broken, "1", { kind: "nothing" })).rejects.toMatchObject({ code: "ENCODE" });
    expect(await store.load(account, "1")).toMatchObject({ version: 0 });
    expect(await store.execute(account, "1", { kind: "open", owner: "Ada" })).toMatchObject({ version: 1 });
  });
});

test("appends and commands are told to whoever listens", async () => {
  await using store = await open();
  const told: unknown[] = [];
  {
    using _listening = subscribe("ashlar.events.append", ({ stream, events, outcome }) =>
      told.push([stream, events, outcome]),
    );
    await store.append("s", [opened], { expected: "new" });
    await store.append("s", [opened], { expected: "new" });
    await store.execute(account, "1", { kind: "open", owner: "Ada" });
  }
  await store.append("s", [opened], { expected: "any" });
  expect(told).toEqual([
    ["s", 1, "appended"],
    ["s", 1, "conflict"],
    ["account/1", 1, "appended"],
  ]);
});

describe("executeAll", () => {
  const move = (from: string, to: string, cents: number) =>
    [
      { decider: account, id: from, command: { kind: "withdraw", cents } },
      { decider: account, id: to, command: { kind: "deposit", cents } },
    ] as const;

  test("records all or none, and reports each rejection at its index", async () => {
    await using store = await open();
    for (const id of ["1", "2"]) await store.execute(account, id, { kind: "open", owner: id });
    await store.execute(account, "1", { kind: "deposit", cents: 10 });
    expect(await store.executeAll(move("1", "2", 11))).toEqual({
      status: "rejected",
      rejections: [{ index: 0, rejection: "too little" }],
    });
    expect((await store.load(account, "2")).version).toBe(1);
    expect(await store.executeAll(move("1", "2", 10))).toMatchObject({
      status: "accepted",
      results: [{ version: 3 }, { version: 2 }],
    });
  });

  test("calls on one stream build on each other and share one append", async () => {
    await using store = await open();
    const result = await store.executeAll([
      { decider: account, id: "1", command: { kind: "open", owner: "Ada" } },
      { decider: account, id: "1", command: { kind: "deposit", cents: 5 } },
      { decider: account, id: "1", command: { kind: "withdraw", cents: 5 } },
    ]);
    expect(result).toMatchObject({
      status: "accepted",
      results: [{ events: [opened] }, { events: [deposited(5)] }, { version: 3 }],
    });
    const refused = await store.executeAll([
      { decider: account, id: "1", command: { kind: "deposit", cents: 5 } },
      { decider: account, id: "1", command: { kind: "withdraw", cents: 6 } },
    ]);
    expect(refused).toEqual({ status: "rejected", rejections: [{ index: 1, rejection: "too little" }] });
    expect((await store.load(account, "1")).version).toBe(3);
  });

  test("a repeat of the command id moves nothing twice", async () => {
    await using store = await open();
    for (const id of ["1", "2"]) await store.execute(account, id, { kind: "open", owner: id });
    await store.execute(account, "1", { kind: "deposit", cents: 10 });
    await store.executeAll(move("1", "2", 10), { commandId: "m" });
    const repeat = await store.executeAll(move("1", "2", 10), { commandId: "m" });
    expect(repeat).toMatchObject({
      status: "repeated",
      results: [{ version: 3 }, { version: 2, events: [deposited(10)] }],
    });
    expect((await store.load(account, "2")).state.cents).toBe(10);
  });
});

describe("plan", () => {
  test("writes nothing until its changes are committed, and later commands build on it at once", async () => {
    await using store = await open();
    const first = await store.plan([{ decider: account, id: "1", command: { kind: "open", owner: "Ada" } }]);
    const second = await store.plan([{ decider: account, id: "1", command: { kind: "deposit", cents: 5 } }]);
    if (first.status !== "accepted" || second.status !== "accepted") throw new Error("rejected");
    expect(await store.load(account, "1")).toMatchObject({ version: 0 });
    const results = await Promise.all([store.engine.commit(first.changes), store.engine.commit(second.changes)]);
    first.committed(results[0]);
    second.committed(results[1]);
    expect(results.map((result) => result.committed)).toEqual([true, true]);
    expect(await store.load(account, "1")).toEqual({ version: 2, state: { owner: "Ada", cents: 5 } });
  });

  test("a plan that is never committed misleads nobody: neither into a yes nor into a no", async () => {
    await using store = await open();
    await store.execute(account, "1", { kind: "open", owner: "Ada" });
    await store.execute(account, "1", { kind: "deposit", cents: 5 });
    await store.plan([{ decider: account, id: "1", command: { kind: "withdraw", cents: 5 } }]);
    expect(await store.execute(account, "1", { kind: "withdraw", cents: 5 })).toMatchObject({
      status: "accepted",
      version: 3,
    });
    await store.plan([{ decider: account, id: "1", command: { kind: "deposit", cents: 5 } }]);
    expect(await store.execute(account, "1", { kind: "withdraw", cents: 5 })).toEqual({
      status: "rejected",
      rejection: "too little",
    });
  });
});

describe("snapshots", () => {
  const snapping = accountWith({ snapshot: { everyEvents: 3, schema: 1 } });
  const cell = { space: "snapshot/main", key: "account/1" };

  async function filled(): Promise<EventStore & AsyncDisposable> {
    const store = await open({ cacheStreams: 0 });
    await store.execute(snapping, "1", { kind: "open", owner: "Ada" });
    for (let count = 0; count < 6; count++) await store.execute(snapping, "1", { kind: "deposit", cents: 1 });
    return store;
  }

  test("one is kept every so many events, and the state loads from it", async () => {
    await using store = await filled();
    expect(await store.engine.get([cell])).toMatchObject([{ value: '6:1:{"owner":"Ada","cents":5}' }]);
    expect(await store.load(snapping, "1")).toEqual({ version: 7, state: { owner: "Ada", cents: 6 } });
    expect(await store.verifySnapshots(snapping)).toEqual([]);
  });

  test("one of another schema is ignored, and a wrong one is found", async () => {
    await using store = await filled();
    await store.engine.commit([{ op: "put", cell, expect: "any", value: '6:1:{"owner":"Eve","cents":500}' }]);
    expect(await store.verifySnapshots(snapping)).toEqual(["account/1"]);
    const newer = accountWith({ snapshot: { everyEvents: 3, schema: 2 } });
    expect((await store.load(newer, "1")).state).toEqual({ owner: "Ada", cents: 6 });
  });

  test("a state as of a version or a time does not see what came later", async () => {
    const clock = manualClock();
    await using engine = await openMemoryEngine({ clock });
    const store = await openEventStore({ engine });
    await store.execute(snapping, "1", { kind: "open", owner: "Ada" });
    const beforeMs = clock.now();
    await clock.advance(1_000);
    for (let count = 0; count < 6; count++) await store.execute(snapping, "1", { kind: "deposit", cents: 1 });
    expect((await store.load(snapping, "1", { version: 2 })).state.cents).toBe(1);
    expect((await store.load(snapping, "1", { version: 7 })).state.cents).toBe(6);
    expect(await store.load(snapping, "1", { atMs: beforeMs })).toEqual({
      version: 1,
      state: { owner: "Ada", cents: 0 },
    });
  });
});
