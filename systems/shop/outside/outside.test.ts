import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualClock, type ManualClock } from "ashlar/clock";
import { expect, test } from "vitest";
import { fates } from "./faults.ts";
import { openOutside, type Outside } from "./outside.ts";

/** The subject that has the wanted fate, found by trying: fates depend on seed and subject only. */
function subjectWith(kind: string, wanted: (fate: ReturnType<ReturnType<typeof fates>>) => boolean): string {
  const fateOf = fates("some", 1);
  for (let order = 536_365; ; order++) if (wanted(fateOf(kind, `${order}`))) return `${order}`;
}

async function withOutside(
  run: (outside: Outside, clock: ManualClock, folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "shop-outside-"));
  const clock = manualClock();
  try {
    await using outside = await openOutside({ name: "provider", data: folder, clock, faults: "some", seed: 1 });
    await run(outside, clock, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function charge(
  subject: string,
  key: string = `charge/${subject}`,
): { kind: string; subject: string; key: string; amountMinor: number } {
  return { kind: "charge", subject, key, amountMinor: 500 };
}

test("the same key gets the same answer and has one effect", async () => {
  await withOutside(async ({ service, books }, clock) => {
    const subject = subjectWith(
      "charge",
      (fate) => fate.refusal === undefined && fate.outages === 0 && fate.stallMs === 0,
    );
    const asked = [service.request(charge(subject)), service.request(charge(subject))];
    await clock.settle();
    const [first, second] = await Promise.all(asked);
    expect(first).toEqual(second);
    expect(await books.totals("charge")).toEqual({ effects: 1, amountMinor: 500, repeated: 0 });
  });
});

test("an effect that is done twice under two keys shows in the books", async () => {
  await withOutside(async ({ service, books }, clock) => {
    const subject = subjectWith(
      "charge",
      (fate) => fate.refusal === undefined && fate.outages === 0 && fate.stallMs === 0,
    );
    const asked = [service.request(charge(subject)), service.request(charge(subject, "another key"))];
    await clock.settle();
    await Promise.all(asked);
    expect((await books.totals("charge")).repeated).toBe(1);
  });
});

test("an outage passes after so many attempts, counted across restarts", async () => {
  await withOutside(async (outside, clock, folder) => {
    const subject = subjectWith(
      "charge",
      (fate) => fate.refusal === undefined && fate.outages === 2 && fate.stallMs === 0,
    );
    const fails = async ({ service }: Outside): Promise<void> => {
      const asked = Promise.allSettled([service.request(charge(subject))]);
      await clock.settle();
      expect(await asked).toMatchObject([{ status: "rejected", reason: { code: "OUTAGE" } }]);
    };
    await fails(outside);
    await using again = await openOutside({ name: "provider", data: folder, clock, faults: "some", seed: 1 });
    await fails(again);
    const heard = again.service.request(charge(subject));
    await clock.settle();
    expect(await heard).toMatchObject({ status: "done" });
  });
});

test("a reply that is lost to a stall does not undo the effect; asked again, the answer comes at once", async () => {
  await withOutside(async ({ service, books }, clock) => {
    const subject = subjectWith(
      "charge",
      (fate) => fate.refusal === undefined && fate.outages === 0 && fate.stallMs > 45,
    );
    const controller = new AbortController();
    const lost = Promise.allSettled([service.request({ ...charge(subject), signal: controller.signal })]);
    await clock.settle();
    controller.abort(new Error("too late"));
    expect(await lost).toMatchObject([{ status: "rejected", reason: { message: "too late" } }]);
    const again = service.request(charge(subject));
    await clock.settle();
    expect(await again).toMatchObject({ status: "done" });
    expect((await books.totals("charge")).effects).toBe(1);
  });
});

test("a refusal is final, has a reason and no effect", async () => {
  await withOutside(async ({ service, books }, clock) => {
    const subject = subjectWith("charge", (fate) => fate.refusal === "declined" && fate.outages === 0);
    for (let attempt = 0; attempt < 2; attempt++) {
      const reply = service.request(charge(subject));
      await clock.settle();
      expect(await reply).toEqual({ status: "refused", reason: "declined" });
    }
    expect((await books.totals("charge")).effects).toBe(0);
  });
});

test("fates depend on seed, kind and subject only, and come about as often as they say", () => {
  const fateOf = fates("some", 5);
  expect(fateOf("charge", "1")).toEqual(fates("some", 5)("charge", "1"));
  const drawn = Array.from({ length: 10_000 }, (_, order) => fateOf("charge", `${order}`));
  const share = (is: (fate: (typeof drawn)[number]) => boolean): number => drawn.filter(is).length / drawn.length;
  expect(share((fate) => fate.refusal === "declined")).toBeCloseTo(0.03, 2);
  expect(share((fate) => fate.outages > 0)).toBeCloseTo(0.05, 2);
  expect(Math.max(...drawn.map((fate) => fate.outages))).toBe(2);
  expect(fates("none", 5)("charge", "1")).toEqual({ refusal: undefined, outages: 0, stallMs: 0 });
});
