import { expect, test } from "vitest";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { place, type Services } from "./order.ts";
import { travel } from "./trip.ts";

function services(log: string[], isOpen: "open" | "closed"): Services {
  return {
    reserve: async (sku) => ({ hold: `hold ${sku}` }),
    release: async (hold) => void log.push(`release ${hold}`),
    charge: async () => ({ payment: "p1" }),
    refund: async (payment) => void log.push(`refund ${payment}`),
    ship: async () => {
      if (isOpen === "closed") throw new Error("the warehouse is closed");
      return { parcel: "z9" };
    },
  };
}

test("order: ships once per id, and is undone in reverse when shipping fails for good", async () => {
  await using engine = await openMemoryEngine();
  const log: string[] = [];
  const order = { sku: "tea", totalMinor: 500 };
  const shipped = { status: "completed", output: { parcel: "z9" } };
  expect(await place(engine, services(log, "open"), { id: "o1", order })).toEqual(shipped);
  expect(await place(engine, services(log, "closed"), { id: "o1", order })).toEqual(shipped);
  const failed = await place(engine, services(log, "closed"), { id: "o2", order });
  expect(failed).toMatchObject({ status: "failed", failure: { step: "ship" }, compensated: ["charge", "reserve"] });
  expect(log).toEqual(["refund p1", "release hold tea"]);
});

test("trip: waits for a decision, a child and a signal", async () => {
  await using engine = await openMemoryEngine();
  expect(await travel(engine)).toEqual({ room: "3 nights as hotel/t1-hotel/book", seat: "12A" });
});
