import fc from "fast-check";
import { expect, test } from "vitest";
import { type FakeProcess, type Habits, type World, world } from "./fake-processes.test-world.ts";

const children = [
  { name: "orders", module: "orders.ts", instances: 2, after: ["stock"] },
  { name: "stock", module: "stock.ts" },
];

type Act = {
  readonly kind: "kill" | "freeze" | "deafen" | "reload" | "wait" | "bad start" | "good start";
  readonly pick: number;
};

const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom("kill", "freeze", "deafen", "reload", "wait", "bad start", "good start"),
  pick: fc.nat(5_000),
});

function change(process: FakeProcess | undefined, habits: Partial<Habits>): void {
  if (process !== undefined) Object.assign(process.habits, habits);
}

async function perform({ supervisor, started, habits, clock }: World, { kind, pick }: Act): Promise<void> {
  const alive = started.filter(({ isAlive }) => isAlive);
  const process = alive[pick % Math.max(1, alive.length)];
  if (kind === "kill") process?.die({ code: null, signal: "SIGKILL" });
  if (kind === "freeze") change(process, { answers: "nothing", leaves: "only by SIGKILL" });
  if (kind === "deafen") change(process, { channel: pick % 2 === 0 ? "full" : "open" });
  if (kind === "reload") void supervisor.reload(pick % 2 === 0 ? "orders" : "stock");
  if (kind === "bad start") habits.start = pick % 2 === 0 ? "never" : "exit";
  if (kind === "good start") habits.start = "ready";
  await clock.advance(kind === "wait" ? pick : pick % 300);
}

/** What holds at every moment. */
function check({ supervisor, started }: World): void {
  const inPlace = supervisor.children.filter(({ state }) => state === "ready");
  const addresses = inPlace.flatMap(({ address }) => address ?? []);
  expect(supervisor.table.entries.map(({ address }) => address)).toEqual(addresses);
  for (const { name, instance, pid } of inPlace)
    expect(started.find((process) => process.pid === pid)).toMatchObject({ name, instance, isAlive: true });
  for (const name of ["orders#0", "orders#1", "stock#0"]) {
    const alive = started.filter((process) => process.isAlive && `${process.name}#${process.instance}` === name);
    expect(alive.length).toBeLessThanOrEqual(2);
  }
}

const options = { children, restart: { crashesMax: 1_000, capMs: 1_000 } };

test("whatever happens, the table names living processes only, and all is well again once disorder ends", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
      const it = await world(options);
      for (const next of acts) {
        await perform(it, next);
        check(it);
      }
      it.habits.start = "ready";
      for (const process of it.started) process.habits.channel = "open";
      await it.clock.advance(60_000);
      check(it);
      expect(it.states()).toEqual(["stock#0 ready", "orders#0 ready", "orders#1 ready"]);
      expect(it.started.filter(({ isAlive }) => isAlive)).toHaveLength(3);
    }),
    { numRuns: 25 },
  );
});

test("a stop at any moment leaves no process and no timer", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 12 }), async (acts) => {
      const it = await world(options);
      for (const next of acts) await perform(it, next);
      const stopped = it.supervisor[Symbol.asyncDispose]();
      await it.clock.advance(20_000);
      await stopped;
      expect(it.started.filter(({ isAlive }) => isAlive)).toEqual([]);
      expect([it.clock.timersPending, it.supervisor.table.entries]).toEqual([0, []]);
    }),
    { numRuns: 25 },
  );
});
