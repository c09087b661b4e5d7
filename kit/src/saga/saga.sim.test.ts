import { expect, test } from "vitest";
import type { Change } from "../engine/mod.ts";
import { retryPlan } from "../queue/mod.ts";
import { type Random, seededRandom } from "../random/mod.ts";
import { openWorld, type World } from "./crash.test-world.ts";
import { type RunOutcome, type Sagas, saga, type SagaDefinition, signal } from "./mod.ts";

const leaseMs = 3_000;
const runsCount = 12;
const seeds = Array.from({ length: Number(process.env["ASHLAR_SEEDS"] ?? 15) }, (_, seed) => seed);
const nudge = signal<number>("nudge");
const books = { space: "books", key: "sum" };

/** What the outside world and the books saw of all runs. */
interface Seen {
  readonly done: Set<string>;
  readonly undone: Set<string>;
}

interface Script {
  readonly number: number;
  readonly steps: number;
  readonly failsAt: number;
}

/** A saga whose course is drawn from its input: steps outside and inside the engine, pauses, signals, parallel branches, failures. */
function drawn(world: World, seen: Seen): SagaDefinition<Script, number> {
  const retry = retryPlan({ attemptsMax: 4, firstMs: 400 });
  const book = async (amount: number): Promise<readonly Change[]> => {
    const [cell] = await world.engine.get([books]);
    return [
      { op: "put", cell: books, expect: cell?.version ?? "absent", value: String(Number(cell?.value ?? 0) + amount) },
    ];
  };
  return saga("drawn", { version: "1", leaseMs, retry, crashesMax: 1_000 }, async (script: Script, context) => {
    for (let index = 0; index < script.steps; index++) {
      const kind = (script.number + index) % 5;
      if (index === script.failsAt) context.fail("drawn");
      if (kind === 0)
        await context.step("outside", ({ key }) => void seen.done.add(key), {
          undo: (_, { key }) => void seen.undone.add(key),
        });
      if (kind === 1)
        await context.step.commit("inside", async () => ({ result: index, changes: await book(1) }), {
          undoCommit: async () => ({ changes: await book(-1) }),
        });
      if (kind === 2) await context.sleep("pause", index * 700);
      if (kind === 3) await context.signal(nudge, { withinMs: 1_500 });
      if (kind === 4)
        await Promise.all(
          ["left", "right"].map(async (side) => {
            await context.step(side, ({ key }) => void seen.done.add(key), {
              undo: (_, { key }) => void seen.undone.add(key),
            });
            await context.sleep(side, 300);
          }),
        );
    }
    return script.number;
  });
}

function crashy(random: Random, crashes: { left: number }): () => void {
  return () => {
    if (crashes.left > 0 && random.next() < 0.15) {
      crashes.left--;
      throw new Error("crash");
    }
  };
}

/** Signals and cancels at drawn moments, while two executors crash and take over from each other. */
async function disturb(
  world: World,
  random: Random,
  sagas: readonly Sagas[],
  definition: SagaDefinition<Script, number>,
): Promise<void> {
  for (let round = 0; round < 25; round++) {
    await world.clock.advance(random.integer(1, 900));
    const id = `r${random.integer(0, runsCount - 1)}`;
    const from = random.pick(sagas);
    if (random.next() < 0.15) await world.now(from.cancel(definition, id, "drawn"));
    else await world.now(from.signal(definition, id, nudge, round, { dedupId: String(random.integer(0, 9)) }));
  }
}

test.each(seeds)("whatever happens, runs end whole or undone (seed %i)", async (seed) => {
  await using world = await openWorld(seed % 5 === 4 ? "sqlite" : "memory");
  const random = seededRandom(seed);
  const seen: Seen = { done: new Set(), undone: new Set() };
  const definition = drawn(world, seen);
  const crashes = { left: 40 };
  const sagas = [
    await world.open([definition], { probe: crashy(random.stream("first"), crashes), concurrency: 5 }),
    await world.open([definition], { probe: crashy(random.stream("second"), crashes), concurrency: 5 }),
  ];
  const scripts = Array.from({ length: runsCount }, (_, number) => {
    const steps = random.integer(1, 8);
    return { number, steps, failsAt: random.next() < 0.3 ? random.integer(0, steps - 1) : -1 };
  });
  const runs = await world.now(
    Promise.all(scripts.map(async (script) => await random.pick(sagas).start(definition, `r${script.number}`, script))),
  );
  const results = Promise.all(runs.map(async (run) => await run.result()));
  await disturb(world, random, sagas, definition);
  await world.clock.advance(400_000);
  const outcomes = await results;
  expect(outcomes.map((outcome) => outcome.status)).not.toContain("needs-attention");
  const reports = await Promise.all(
    runs.map(async (run) => await world.now(random.pick(sagas).inspect(definition, run.id))),
  );
  let booked = 0;
  for (const [index, outcome] of outcomes.entries()) {
    const { id } = runs[index] ?? { id: "" };
    const steps = (reports[index]?.steps ?? []).filter((step) => step.status === "done").map((step) => step.name);
    expect(undoneOf(outcome)).toEqual(outcome.status === "completed" ? [] : steps.toReversed());
    booked += outcome.status === "completed" ? steps.filter((step) => step.startsWith("inside")).length : 0;
    const outside = steps
      .filter((step) => !step.startsWith("inside"))
      .map((step) => `drawn/${id}/${step}`)
      .toSorted();
    expect(keysOf(seen.done, id)).toEqual(outside);
    expect(keysOf(seen.undone, id)).toEqual(
      outcome.status === "completed" ? [] : outside.map((key) => `${key}/undo`).toSorted(),
    );
  }
  const [cell] = await world.now(world.engine.get([books]));
  expect(Number(cell?.value ?? 0)).toBe(booked);
});

function keysOf(keys: Set<string>, id: string): string[] {
  return [...keys].filter((key) => key.startsWith(`drawn/${id}/`)).toSorted();
}

function undoneOf(outcome: RunOutcome<number>): readonly string[] {
  return outcome.status === "failed" || outcome.status === "cancelled" ? outcome.compensated : [];
}
