import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { gate } from "../abort/mod.ts";
import { singleFlight } from "./single-flight.ts";

describe("a single flight", () => {
  test("a hundred callers of failing work see one call and the same error object (bentocache 1.6 runs it a hundred times)", async () => {
    const flights = singleFlight<string, number>();
    let calls = 0;
    const down = new Error("down");
    const ends = await Promise.allSettled(
      Array.from({ length: 100 }, () =>
        flights.run("k", () => {
          calls++;
          return Promise.reject(down);
        }),
      ),
    );
    expect(calls).toBe(1);
    expect(ends.every((end) => end.status === "rejected" && end.reason === down)).toBe(true);
    expect(flights.size).toBe(0);
  });

  test("keeps nothing after the end, and keys apart", async () => {
    const flights = singleFlight<string, number>();
    let calls = 0;
    const work = (): Promise<number> => Promise.resolve(++calls);
    expect(await Promise.all([flights.run("a", work), flights.run("a", work), flights.run("b", work)])).toEqual([
      1, 1, 2,
    ]);
    expect(await flights.run("a", work)).toBe(3);
  });

  test("who aborts leaves alone; when the last one has left the work is aborted and the next begins anew", async () => {
    const flights = singleFlight<string, string>();
    const [one, two] = [new AbortController(), new AbortController()];
    const door = gate<string>();
    let seen: AbortSignal | undefined;
    const work = ({ signal }: { readonly signal: AbortSignal }): Promise<string> => ((seen = signal), door.promise);
    const first = flights.run("k", work, { signal: one.signal });
    const second = flights.run("k", work, { signal: two.signal });
    one.abort("one left");
    await expect(first).rejects.toBe("one left");
    expect([seen?.aborted, flights.size]).toEqual([false, 1]);
    two.abort("two left");
    await expect(second).rejects.toBe("two left");
    expect([seen?.aborted, flights.size]).toEqual([true, 0]);
    expect(await flights.run("k", () => Promise.resolve("new"))).toBe("new");
    door.open("late");
    expect(getEventListeners(two.signal, "abort")).toHaveLength(0);
  });

  test("what is forgotten flies on for those who wait, and a new flight begins beside it", async () => {
    const flights = singleFlight<string, string>();
    const old = gate<string>();
    const waiting = flights.run("k", () => old.promise);
    flights.forget("k");
    const fresh = gate<string>();
    const next = flights.run("k", () => fresh.promise);
    old.open("old");
    expect(await waiting).toBe("old");
    expect(flights.size).toBe(1);
    fresh.open("fresh");
    expect(await next).toBe("fresh");
  });

  test("keys under way are bounded", async () => {
    const flights = singleFlight<number, void>({ flightsMax: 1 });
    const door = gate();
    const one = flights.run(1, () => door.promise);
    await expect(flights.run(2, () => door.promise)).rejects.toMatchObject({ code: "CALL_REFUSED", reason: "full" });
    door.open();
    await one;
  });
});
