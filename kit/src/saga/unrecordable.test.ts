import { describe, expect, test } from "vitest";
import { retryPlan } from "../queue/mod.ts";
import { openWorld, type World } from "./crash.test-world.ts";
import { type RunOutcome, type RunReport, saga, type SagaDefinition } from "./mod.ts";

const leaseMs = 3_000;
const large = "x".repeat(2_000_000);
const twice = retryPlan({ attemptsMax: 2, firstMs: 1, jitter: "none" });

async function play(
  world: World,
  definition: SagaDefinition<null, unknown>,
): Promise<{ readonly outcome: RunOutcome; readonly report: RunReport | undefined }> {
  const sagas = await world.open([definition]);
  const run = await world.now(sagas.start(definition, "r", null));
  const result = run.result();
  await world.clock.advance(60_000);
  return { outcome: await result, report: await world.now(sagas.inspect(definition, "r")) };
}

describe("what cannot be stored ends in an answer, not in a run that is tried for ever", () => {
  test("the detail of a failure that is not JSON fails the run all the same, and undoes it", async () => {
    await using world = await openWorld();
    const failing = saga("failing", { version: "1", leaseMs }, async (_: null, context) => {
      await context.step("pay", () => 1, { undo: () => undefined });
      context.fail("no", { cents: 10n });
    });
    const { outcome } = await play(world, failing);
    expect(outcome).toMatchObject({
      status: "failed",
      failure: { reason: "error", error: { name: "EncodeError" } },
      compensated: ["pay"],
    });
  });

  test("the detail of a failure that is too large asks for attention", async () => {
    await using world = await openWorld();
    const failing = saga("failing", { version: "1", leaseMs }, async (_: null, context) => {
      await context.step("pay", () => 1, { undo: () => undefined });
      context.fail("no", large);
    });
    const { outcome, report } = await play(world, failing);
    expect(outcome).toMatchObject({ status: "needs-attention", problem: { kind: "not-recordable" } });
    expect(report?.steps.map((step) => step.name)).toEqual(["pay"]);
  });

  test("a checkpoint that is too large asks for attention, and what lies before it is kept", async () => {
    await using world = await openWorld();
    const keeping = saga("keeping", { version: "1", leaseMs }, async (_: null, context) => {
      await context.step("pay", () => 1);
      context.now();
      await context.checkpoint(large);
    });
    const { outcome, report } = await play(world, keeping);
    expect(outcome).toMatchObject({
      status: "needs-attention",
      problem: { kind: "not-recordable", step: "checkpoint" },
    });
    expect(report?.journal.entries.map((entry) => entry.n)).toEqual(["pay", "now:"]);
    expect(report?.journal.state).toBeUndefined();
  });

  test("an attempt for whose error there is no room left asks for attention", async () => {
    await using world = await openWorld();
    const full = saga("full", { version: "1", leaseMs, retry: twice }, async (_: null, context) => {
      if (context.restored === undefined) await context.checkpoint("x".repeat(1_047_000));
      await context.step("call", () => {
        throw new Error("y".repeat(3_000), { cause: new Error("z".repeat(3_000)) });
      });
    });
    const { outcome } = await play(world, full);
    expect(outcome).toMatchObject({ status: "needs-attention", problem: { kind: "not-recordable", step: "call" } });
  });

  test("a failed step for whose error there is no room left asks for attention", async () => {
    await using world = await openWorld();
    const once = retryPlan({ attemptsMax: 1, firstMs: 1 });
    const full = saga("full", { version: "1", leaseMs, retry: once }, async (_: null, context) => {
      await context.checkpoint("x".repeat(1_047_000));
      await context.step("call", () => {
        throw new Error("y".repeat(3_000), { cause: new Error("z".repeat(3_000)) });
      });
    });
    const { outcome } = await play(world, full);
    expect(outcome).toMatchObject({ status: "needs-attention", problem: { kind: "not-recordable", step: "call" } });
  });
});

test("a result that is too large is named, and keeps none beside it from being stored", async () => {
  await using world = await openWorld();
  const wide = saga("wide", { version: "1", leaseMs }, async (_: null, { step }) => {
    await Promise.all([
      step("zero", () => 0),
      step("small", () => 1),
      step("large", () => large),
      step("last", () => 2),
    ]);
  });
  const { outcome, report } = await play(world, wide);
  expect(outcome).toMatchObject({ status: "needs-attention", problem: { kind: "not-recordable", step: "large" } });
  expect(report?.journal.entries.map((entry) => entry.n)).toEqual(["zero", "small", "last"]);
});

test("results that are too large only together are stored one by one", async () => {
  await using world = await openWorld();
  const wide = saga("wide", { version: "1", leaseMs }, async (_: null, { step }) => {
    const names = ["a", "b", "c", "d"];
    return (await Promise.all(names.map((name) => step(name, () => name.repeat(400_000))))).map((text) => text.length);
  });
  const { outcome } = await play(world, wide);
  expect(outcome).toEqual({ status: "completed", output: [400_000, 400_000, 400_000, 400_000] });
});
