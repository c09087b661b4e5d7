import { openMemoryEngine } from "ashlar/engine/memory";
import { expect, test } from "vitest";
import type { OutsideReply, OutsideRequest, WayOut } from "../outside/mod.ts";
import { Shipping } from "./shipping.ts";

const { signal } = new AbortController();

/** Shipping beside a carrier that takes what it is given, once a key. */
async function withCarrier(run: (shipping: Shipping, keys: Set<string>) => Promise<void>): Promise<void> {
  await using engine = await openMemoryEngine();
  const keys = new Set<string>();
  const ask = ({ key, subject }: OutsideRequest): Promise<OutsideReply> => {
    keys.add(key);
    return Promise.resolve(
      subject === "heavy"
        ? { status: "refused", reason: "failed" }
        : { status: "done", reference: `tracking-${subject}` },
    );
  };
  const carrier: Pick<WayOut, "ask"> = { ask };
  await run(new Shipping(engine, carrier), keys);
}

test("a parcel is handed over and called back once, however often that is asked", async () => {
  await withCarrier(async (shipping, keys) => {
    const sent = { status: "sent", tracking: "tracking-1" };
    expect(await shipping.send("1", signal)).toEqual(sent);
    expect(await shipping.send("1", signal)).toEqual(sent);
    expect(await shipping.find("1")).toEqual({ state: "sent", tracking: "tracking-1" });
    await shipping.recall("1", signal);
    await shipping.recall("1", signal);
    // A request that was held up on its way changes nothing.
    expect(await shipping.send("1", signal)).toEqual(sent);
    expect(await shipping.find("1")).toEqual({ state: "recalled", tracking: "tracking-1" });
    expect(await shipping.count()).toEqual({ parcels: 1, recalled: 1 });
    expect(keys).toEqual(new Set(["parcel/1", "recall/1"]));
  });
});

test("what the carrier refuses is no parcel", async () => {
  await withCarrier(async (shipping) => {
    expect(await shipping.send("heavy", signal)).toEqual({ status: "refused" });
    expect(await shipping.find("heavy")).toBeUndefined();
    expect(await shipping.count()).toEqual({ parcels: 0, recalled: 0 });
  });
});
