import { expect, test } from "vitest";
import { saga, signal } from "../mod.ts";
import { playEveryCrash, playSaga } from "./mod.ts";

const arrived = signal<string>("arrived");
const dayMs = 86_400_000;

function parcel(effects: Set<string>): ReturnType<typeof saga<number, string>> {
  return saga<number, string>("parcel", { version: "1" }, async (days, context) => {
    await context.step("send", ({ key }) => void effects.add(key), { undo: (_, { key }) => void effects.add(key) });
    const note = await context.signal(arrived, { withinMs: days * dayMs });
    return note.received ? note.payload : context.fail("lost");
  });
}

test("a run of days is played in no time, with what happens meanwhile", async () => {
  const definition = parcel(new Set());
  const played = await playSaga(definition, {
    input: 3,
    when: async ({ sagas, id, advance }) => {
      await advance(2 * dayMs);
      await sagas.signal(definition, id, arrived, "here");
    },
  });
  expect(played.outcome).toEqual({ status: "completed", output: "here" });
  expect(played.report?.steps).toMatchObject([{ name: "send", status: "done" }]);
});

test("every boundary can be crashed at, and the ends agree", async () => {
  const points: (string | undefined)[] = [];
  const effects = new Set<string>();
  await playEveryCrash(
    parcel(effects),
    () => ({ input: 1 }),
    (played, crashAt) => {
      points.push(crashAt);
      expect(played.outcome).toMatchObject({ status: "failed", failure: { reason: "lost" }, compensated: ["send"] });
    },
  );
  expect(points).toContain("undo:send:after");
  expect([...effects]).toEqual(["parcel/played/send", "parcel/played/send/undo"]);
});
