import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { exerciseInvalidationBus, exerciseSharedTier } from "../conformance/mod.ts";
import { memoryBus, memoryTier } from "./mod.ts";

exerciseSharedTier(
  "memory",
  async ({ clock }) => ({
    tier: memoryTier({ clock }),
    pass: (ms) => clock.advance(ms),
    dispose: async () => undefined,
  }),
  { test },
);

exerciseInvalidationBus(
  "memory",
  async ({ clock }) => ({ bus: memoryBus({ clock }), delivered: () => clock.settle(), dispose: async () => undefined }),
  { test },
);

test("a tier holds keysMax keys, and what it has forgotten of tags counts as invalidated", async () => {
  const clock = manualClock();
  const tier = memoryTier({ keysMax: 2, clock });
  const entry = { body: "x", freshMs: 1_000, keptMs: 1_000, tags: ["t"], version: undefined };
  for (const key of ["a", "b", "c"]) await tier.write(key, entry);
  expect((await tier.read(["a", "b", "c"])).map(({ kind }) => kind)).toEqual(["missing", "found", "found"]);
  for (const tag of ["1", "2", "3"])
    await tier.invalidate({ target: { tags: [tag] }, mode: "hard", olderThan: undefined });
  expect((await tier.read(["b", "c"])).map(({ kind }) => kind)).toEqual(["missing", "missing"]);
});
