import { describe, expect, test } from "vitest";
import { type Change, type CommitResult, type Engine, StorageError } from "../engine/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { openWorld } from "./crash.test-world.ts";
import { choreography, openChoreography } from "./mod.ts";

type Message =
  | { readonly type: "ordered"; readonly order: string }
  | { readonly type: "paid"; readonly order: string; readonly minor: number }
  | { readonly type: "noise" };
type State = { readonly status: "new" | "ordered" | "paid" | "lapsed"; readonly paidMinor: number };

const payment = choreography<State, Message>("payment", {
  initial: { status: "new", paidMinor: 0 },
  correlate: (message) => ("order" in message ? message.order : undefined),
  on: {
    ordered: (state) => ({ state: { ...state, status: "ordered" }, timeouts: { patience: 10_000 } }),
    paid: (state, { minor, order }) => ({
      state: { status: "paid", paidMinor: state.paidMinor + minor },
      timeouts: { patience: undefined },
      changes: [{ op: "enqueue", queue: "ship", messages: [{ body: order }] }],
    }),
  },
  timeouts: { patience: (state) => ({ state: { ...state, status: "lapsed" } }) },
});

function refusing(engine: Engine, commit: Engine["commit"]): Engine {
  return {
    can: engine.can,
    clock: engine.clock,
    commit,
    claim: (request) => engine.claim(request),
    extend: (receipts, leaseMs) => engine.extend(receipts, leaseMs),
    read: (request) => engine.read(request),
    stream: (request) => engine.stream(request),
    get: (cells) => engine.get(cells),
    scan: (query) => engine.scan(query),
    bell: (topics, ring) => engine.bell(topics, ring),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

describe("a choreography", () => {
  test("lets each message take effect once, with everything it sends", async () => {
    await using world = await openWorld();
    await using bound = await openChoreography(world.engine, payment);
    const paid = { type: "paid", order: "o", minor: 5 } as const;
    expect(await world.now(bound.handle({ type: "ordered", order: "o" }, { id: "1" }))).toBe("handled");
    const answers = await world.now(Promise.all([1, 2, 3].map(async () => await bound.handle(paid, { id: "2" }))));
    expect(answers.toSorted()).toEqual(["duplicate", "duplicate", "handled"]);
    expect(await world.now(bound.state("o"))).toEqual({ status: "paid", paidMinor: 5 });
    expect((await world.now(world.engine.claim({ queue: "ship", count: 9, leaseMs: 1_000 }))).claims.length).toBe(1);
    expect(await world.now(bound.handle({ type: "noise" }, { id: "3" }))).toBe("ignored");
  });

  test("reacts to a timeout, and ignores one that was called off or set anew", async () => {
    await using world = await openWorld();
    await using bound = await openChoreography(world.engine, payment);
    await world.now(bound.handle({ type: "ordered", order: "late" }, { id: "1" }));
    await world.now(bound.handle({ type: "ordered", order: "paid" }, { id: "2" }));
    await world.now(bound.handle({ type: "ordered", order: "twice" }, { id: "3" }));
    await world.now(bound.handle({ type: "paid", order: "paid", minor: 1 }, { id: "4" }));
    await world.clock.advance(5_000);
    await world.now(bound.handle({ type: "ordered", order: "twice" }, { id: "5" }));
    await world.clock.advance(6_000);
    expect(await world.now(bound.state("late"))).toMatchObject({ status: "lapsed" });
    expect(await world.now(bound.state("paid"))).toMatchObject({ status: "paid" });
    expect(await world.now(bound.state("twice"))).toMatchObject({ status: "ordered" });
    await world.clock.advance(5_000);
    expect(await world.now(bound.state("twice"))).toMatchObject({ status: "lapsed" });
  });

  test("ignores the timeouts of an instance that has ended when its id comes back", async () => {
    type Step = { readonly type: "open" | "close" };
    const door = choreography<string, Step>("door", {
      initial: "new",
      correlate: () => "door",
      on: {
        open: () => ({ state: "waiting", timeouts: { patience: 1_000 } }),
        close: (state) => ({ state, ends: "yes" }),
      },
      timeouts: { patience: () => ({ state: "lapsed" }) },
    });
    await using world = await openWorld();
    await using bound = await openChoreography(world.engine, door);
    await world.now(bound.handle({ type: "open" }, { id: "1" }));
    await world.now(bound.handle({ type: "close" }, { id: "2" }));
    await world.clock.advance(600);
    await world.now(bound.handle({ type: "open" }, { id: "3" }));
    await world.clock.advance(600);
    expect(await world.now(bound.state("door"))).toBe("waiting");
    await world.clock.advance(600);
    expect(await world.now(bound.state("door"))).toBe("lapsed");
  });

  test("keeps the timeouts of a process that has died", async () => {
    await using world = await openWorld("sqlite");
    const first = await openChoreography(world.engine, payment);
    await world.now(first.handle({ type: "ordered", order: "o" }, { id: "1" }));
    await first[Symbol.asyncDispose]();
    await world.reopen();
    await using second = await openChoreography(world.engine, payment);
    await world.clock.advance(11_000);
    expect(await world.now(second.state("o"))).toMatchObject({ status: "lapsed" });
  });

  test("settles the message that brought it in the same commit, or does nothing", async () => {
    await using world = await openWorld();
    await using bound = await openChoreography(world.engine, payment);
    await world.now(world.engine.commit([{ op: "enqueue", queue: "in", messages: [{ body: "x" }] }]));
    const { claims } = await world.now(world.engine.claim({ queue: "in", count: 1, leaseMs: 1_000 }));
    const receipt = claims[0]?.receipt ?? { queue: "in", id: "0", token: 0 };
    const settle = { op: "settle", receipt, as: { kind: "ack" } } as const;
    expect(await world.now(bound.handle({ type: "ordered", order: "o" }, { id: "1", also: [settle] }))).toBe("handled");
    await expect(world.now(bound.handle({ type: "ordered", order: "p" }, { id: "2", also: [settle] }))).rejects.toThrow(
      "lease",
    );
    expect(await world.now(bound.state("p"))).toBeUndefined();
  });

  test("puts a timeout whose reaction throws among the dead letters after its attempts", async () => {
    const broken = choreography<number, { readonly type: "go" }>("broken", {
      initial: 0,
      correlate: () => "one",
      on: { go: (state) => ({ state, timeouts: { soon: 1 } }) },
      timeouts: {
        soon: () => {
          throw new Error("no");
        },
      },
    });
    await using world = await openWorld();
    await using bound = await openChoreography(world.engine, broken);
    await world.now(bound.handle({ type: "go" }, { id: "1" }));
    await world.clock.advance(120_000);
    const dead = [];
    for await (const row of world.engine.scan({ kind: "messages", queue: "choreography:broken", state: "dead" }))
      dead.push(row);
    expect(dead).toMatchObject([{ reason: "attempts", attempt: 5 }]);
  });

  test("does not hold a store that refuses for a while against a timeout", async () => {
    await using world = await openWorld();
    let refusals = 10;
    const commit = async (changes: readonly Change[]): Promise<CommitResult> => {
      if (changes.length === 2 && changes[1]?.op === "settle" && refusals-- > 0)
        throw new StorageError("busy", "later");
      return await world.engine.commit(changes);
    };
    await using bound = await openChoreography(refusing(world.engine, commit), payment);
    await world.now(bound.handle({ type: "ordered", order: "o" }, { id: "1" }));
    await world.clock.advance(60_000);
    expect(await world.now(bound.state("o"))).toMatchObject({ status: "lapsed" });
  });

  test("without a reaction is refused", () => {
    expect(() => choreography("empty", { initial: 0, correlate: () => undefined, on: {} })).toThrow(ConfigError);
  });
});
