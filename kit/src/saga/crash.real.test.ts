import { describe, expect, test } from "vitest";
import type { Change } from "../engine/mod.ts";
import { retryPlan } from "../queue/mod.ts";
import { crashAtCall, openWorld, type Store, type World } from "./crash.test-world.ts";
import { type AnySaga, type Probe, saga, signal } from "./mod.ts";

const leaseMs = 3_000;
const retry = retryPlan({ attemptsMax: 3, firstMs: 5, jitter: "none" });
const arrived = signal<{ at: string }>("arrived");

/** What the outside world saw: every key once, however often it was asked. */
class Outside {
  readonly effects: Map<string, number> = new Map();
  readonly undone: string[] = [];

  do(key: string): string {
    this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
    return key;
  }

  undo(key: string): void {
    if (!this.undone.includes(key)) this.undone.push(key);
  }
}

const ledger = { space: "ledger", key: "sum" };

function add(world: World, amount: number): () => Promise<{ result: number; changes: readonly Change[] }> {
  return async () => {
    const [cell] = await world.engine.get([ledger]);
    const sum = Number(cell?.value ?? 0) + amount;
    return {
      result: sum,
      changes: [{ op: "put", cell: ledger, expect: cell?.version ?? "absent", value: String(sum) }],
    };
  };
}

function order(world: World, outside: Outside, end: "ships" | "fails"): AnySaga {
  return saga("order", { version: "1", leaseMs, retry }, async (input: { total: number }, context) => {
    let failures = 1;
    await context.step("reserve", ({ key }) => outside.do(key), { undo: (key) => outside.undo(key) });
    await context.step.commit("book", add(world, input.total), {
      undoCommit: async () => await add(world, -input.total)(),
    });
    await context.step(
      "charge",
      ({ key }) => {
        if (failures-- > 0) throw new Error("provider stalls");
        return outside.do(key);
      },
      { undo: (key) => outside.undo(key) },
    );
    await context.sleep("pause", 5_000);
    const [parcel, letter] = await Promise.all([
      context.step("ship", ({ key }) => outside.do(key), { undo: (key) => outside.undo(key) }),
      context.signal(arrived),
    ]);
    if (end === "fails") context.fail("lost on the way");
    return { parcel, at: letter.at };
  });
}

interface Seen {
  readonly outcome: unknown;
  readonly keys: readonly string[];
  readonly undone: readonly string[];
  readonly ledger: string | undefined;
  readonly left: number;
}

/** One run to its end, with an executor that may die on the way, and another that takes over. */
async function play(store: Store, end: "ships" | "fails", probe: Probe, reopens: "yes" | "no"): Promise<Seen> {
  await using world = await openWorld(store);
  const outside = new Outside();
  const definition = order(world, outside, end);
  const first = await world.open([definition], { probe });
  await world.now(first.start(definition as never, "o1", { total: 7 } as never)).catch(() => undefined);
  await world.now(first.signal(definition, "o1", arrived, { at: "home" }));
  await world.clock.advance(6_000);
  if (reopens === "yes") await world.reopen();
  const second = reopens === "yes" ? await world.open([definition], { probe }) : first;
  const result = second.run(definition as never, "o1").result();
  await world.clock.advance(20_000);
  const outcome = await result;
  const [cell] = await world.now(world.engine.get([ledger]));
  const { nextDueAtMs, claims } = await world.now(world.engine.claim({ queue: "saga:order", count: 10, leaseMs: 1 }));
  const left = claims.length + (nextDueAtMs === undefined ? 0 : 1);
  return { outcome, keys: [...outside.effects.keys()].toSorted(), undone: outside.undone, ledger: cell?.value, left };
}

async function callsOf(end: "ships" | "fails"): Promise<readonly string[]> {
  const points: string[] = [];
  await play("memory", end, (point) => void points.push(point), "no");
  return points;
}

describe.each(["memory", "sqlite"] as const)("scenario 20 on %s", (store) => {
  test.each(["ships", "fails"] as const)(
    "a crash at any boundary of the journal changes nothing about a run that %s",
    async (end) => {
      const points = await callsOf(end);
      const expected = await play("memory", end, () => undefined, "no");
      expect(expected.left).toBe(0);
      expect(points.length).toBeGreaterThan(12);
      for (let call = 0; call < points.length; call++) {
        const reopens = call % 2 === 0 ? "yes" : "no";
        const seen = await play(store, end, crashAtCall(call), reopens);
        const point = points[call];
        expect({ point, ...seen }).toEqual({ point, ...expected });
      }
    },
  );
});

test("an executor that was only frozen writes nothing when it wakes up after the takeover", async () => {
  for (let call = 0; ; call++) {
    await using world = await openWorld();
    const outside = new Outside();
    const definition = order(world, outside, "fails");
    const thaw = Promise.withResolvers<void>();
    let calls = 0;
    const freeze: Probe = async () => {
      if (calls++ === call) await thaw.promise;
    };
    // A frozen process extends no lease either.
    const frozen = new Proxy(world.engine, {
      get: (engine, name) => {
        if (name === "extend" && calls > call) return async () => [];
        const value = Reflect.get(engine, name) as unknown;
        return typeof value === "function" ? value.bind(engine) : value;
      },
    });
    const first = await world.open([definition], { engine: frozen, probe: freeze });
    await world.now(first.start(definition as never, "o1", { total: 7 } as never));
    await world.now(first.signal(definition, "o1", arrived, { at: "home" }));
    const second = await world.open([definition]);
    const result = second.run(definition as never, "o1").result();
    await world.clock.advance(20_000);
    expect(await result).toMatchObject({ status: "failed", compensated: ["ship", "charge", "book", "reserve"] });
    const before = await world.now(world.engine.get([ledger, { space: "saga-run:order", key: "o1" }]));
    thaw.resolve();
    await world.clock.advance(10_000);
    expect(await world.now(world.engine.get([ledger, { space: "saga-run:order", key: "o1" }]))).toEqual(before);
    if (calls <= call) break;
  }
});
