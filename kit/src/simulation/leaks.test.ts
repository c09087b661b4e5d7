import { promises } from "node:fs";
import { expect, test } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { type DriverName, runSeed, type Scenario, scenario } from "./mod.ts";

const thatDoes = (work: () => Promise<unknown>): Scenario =>
  scenario({
    name: "leaky",
    about: "does something real",
    phases: { warmUpMs: 10, chaosMs: 10 },
    async open(world) {
      const node = world.node("a", { start: async () => void (await work()) });
      void node.start();
      await world.clock.sleep(5);
      return { finish: () => Promise.resolve() };
    },
  });

test("a real timer or file is named, and where it was begun", async () => {
  let reading: Promise<unknown> = Promise.resolve();
  const leaks: Readonly<Record<string, () => Promise<unknown>>> = {
    Timeout: () => systemClock.sleep(1),
    Immediate: () => new Promise<void>((resolve) => systemClock.nextTurn(resolve)),
    FSREQPROMISE: () => (reading = promises.readFile(import.meta.filename)),
  };
  for (const [resource, work] of Object.entries(leaks)) {
    const { failure } = await runSeed(thatDoes(work), { seed: 1, leaks: "watch" });
    expect(failure?.name).toBe("LeakError");
    expect(failure?.message).toContain(
      resource === "FSREQPROMISE" ? /FILEHANDLE|FSREQPROMISE/.exec(failure?.message ?? "")?.[0] : resource,
    );
    expect(failure?.stack).toContain("leaks.test.ts");
  }
  await reading;
});

test("a world that keeps to itself is left alone, with the same run as without the watch", async () => {
  const still = thatDoes(() => Promise.resolve());
  for (const driver of ["ticks", "immediates"] satisfies DriverName[]) {
    const watched = await runSeed(still, { seed: 1, driver, leaks: "watch" });
    expect(watched.failure).toBeUndefined();
    expect(watched.hash).toBe((await runSeed(still, { seed: 1 })).hash);
  }
});

test("what the program around a world does with timers of its own is not the world's leak", async () => {
  const bell = { rung: 0 };
  const ring = (): void => {
    bell.rung++;
    timer = systemClock.setTimer(1, ring);
  };
  let timer = systemClock.setTimer(1, ring);
  const patient = scenario({
    name: "patient",
    about: "goes on until the program around it has begun timers",
    phases: { warmUpMs: 1, chaosMs: 1, livenessMs: 1e9 },
    async open(world) {
      while (bell.rung < 3) await world.clock.sleep(1);
      return { finish: () => Promise.resolve() };
    },
  });
  const { failure } = await runSeed(patient, { seed: 1, driver: "immediates", leaks: "watch" });
  timer.cancel();
  expect(bell.rung).toBeGreaterThanOrEqual(3);
  expect(failure).toBeUndefined();
});
