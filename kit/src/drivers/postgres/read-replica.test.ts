import { describe, expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { seededRandom } from "../../random/mod.ts";
import type { PostgresDatabase } from "./mod.ts";
import { PrimaryMarks } from "./primary-marks.ts";
import { resolveReadReplica } from "./read-replica-options.ts";
import { ReplayWait } from "./replay-wait.ts";
import { ReplicaPresence } from "./replica-presence.ts";
import { latestRecordEnd, replayedBytes, walBytes, walPosition } from "./wal-position.ts";

describe("a position", () => {
  test("is what PostgreSQL writes, both ways", () => {
    for (const text of ["0/0", "0/3000060", "16/B374D848", "FFFFFFFF/FFFFFFFF"])
      expect(walPosition(walBytes(text))).toBe(text);
    expect(walBytes("1/0")).toBe(2n ** 32n);
    for (const text of ["", "0", "0/", "x/0", "123456789/0", "0/0 or true"])
      expect(() => walBytes(text)).toThrow("such as 16/B374D848");
  });

  test("of the latest record is before the header of a page, or of a segment, that nothing stands behind yet", () => {
    const end = (next: string): string => walPosition(latestRecordEnd([next, "8192", "16777216"]));
    expect(end("0/3002018")).toBe("0/3002000");
    expect(end("0/3000028")).toBe("0/3000000");
    // Records do end there.
    for (const next of ["0/3002028", "0/3002020", "0/3002000", "0/30021F8"]) expect(end(next)).toBe(next);
  });

  test("of a server that is no replica is none", () => {
    expect(replayedBytes(["f", "0/3000028"])).toBeUndefined();
    expect(replayedBytes(["t", null])).toBe(0n);
    expect(replayedBytes(["t", "0/28"])).toBe(40n);
  });
});

describe("the presence of a replica", () => {
  test("of many reads that fail together one counts; later one read tries, and the pauses grow up to a bound", async () => {
    const clock = manualClock();
    const presence = new ReplicaPresence({ clock, random: seededRandom(7) });
    expect([presence.admit(), presence.admit()]).toEqual(["ask", "ask"]);
    presence.left("ask", "gone");
    presence.left("ask", "gone, too");
    expect(presence.state).toMatchObject({ kind: "away", reason: "gone", pauseMs: 250 });
    expect(presence.admit()).toBe("no");
    for (const pauseMs of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      await clock.advance(30_000);
      expect([presence.admit(), presence.admit()]).toEqual(["probe", "no"]);
      // It was under way when the replica left.
      presence.left("ask", "late");
      presence.left("probe", "still gone");
      expect(presence.state).toMatchObject({ reason: "still gone", pauseMs });
      await clock.advance(pauseMs / 2 - 1);
      expect(presence.admit()).toBe("no");
    }
    await clock.advance(30_000);
    expect(presence.admit()).toBe("probe");
    presence.came();
    expect([presence.admit(), presence.state.kind]).toEqual(["ask", "up"]);
  });
});

describe("the wait for replay", () => {
  test("asks once for all, wakes each at its position, and none beyond its time", async () => {
    const clock = manualClock();
    let looks = 0;
    const look = (): Promise<bigint> => Promise.resolve(BigInt((looks += 1)));
    const wait = new ReplayWait({ look, waitersMax: 3, clock });
    const waiting = [wait.reached(2n, 1_000), wait.reached(3n, 1_000), wait.reached(99n, 17)];
    expect(await wait.reached(1n, 1_000)).toBe("refused");
    expect(await wait.reached(1n, 0)).toBe("late");
    for (let step = 0; step < 5; step++) await clock.advance(5);
    expect(await Promise.all(waiting)).toEqual(["reached", "reached", "late"]);
    expect([looks, wait.waiting]).toEqual([3, 0]);
    await clock.advance(1_000);
    expect(looks).toBe(3);
  });

  test("ends with the fault of the replica, and begins anew", async () => {
    const clock = manualClock();
    let isGone = true;
    const look = (): Promise<bigint> => (isGone ? Promise.reject(new Error("gone")) : Promise.resolve(5n));
    const wait = new ReplayWait({ look, waitersMax: 3, clock });
    const failed = wait.reached(5n, 1_000).catch((error: unknown) => error);
    await clock.advance(5);
    expect(await failed).toMatchObject({ message: "gone" });
    isGone = false;
    const again = wait.reached(5n, 1_000);
    await clock.advance(5);
    expect(await again).toBe("reached");
  });
});

describe("marks of the primary", () => {
  test("a read has to see the oldest one of the span; it is asked for four times a span, and never by two at once", async () => {
    const clock = manualClock();
    let asked = 0;
    const ask = (): Promise<bigint> => Promise.resolve(BigInt((asked += 1)));
    const marks = new PrimaryMarks({ ask, staleMaxMs: 1_000, clock });
    const [first] = await Promise.all([marks.freshEnough(), marks.freshEnough()]);
    expect([first, asked]).toEqual([{ bytes: 1n, waitMs: 500 }, 1]);
    const seen: unknown[] = [];
    for (let step = 0; step < 40; step++) {
      await clock.advance(50);
      seen.push((await marks.freshEnough())?.bytes);
    }
    expect([...new Set(seen)]).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(asked).toBe(7);
    // Nobody has read for long: what is known is too old to say anything.
    await clock.advance(60_000);
    expect(await marks.freshEnough()).toEqual({ bytes: 8n, waitMs: 500 });
  });

  test("a primary that does not answer is noticed when the marks have run out", async () => {
    const clock = manualClock();
    let isGone = false;
    const ask = (): Promise<bigint> => (isGone ? Promise.reject(new Error("gone")) : Promise.resolve(1n));
    const marks = new PrimaryMarks({ ask, staleMaxMs: 1_000, clock });
    await marks.freshEnough();
    isGone = true;
    await clock.advance(900);
    expect(await marks.freshEnough()).toEqual({ bytes: 1n, waitMs: -400 });
    await clock.advance(200);
    await expect(marks.freshEnough()).rejects.toThrow("gone");
  });
});

test("options out of range are refused by name", () => {
  // Never asked here.
  const primary = {} as PostgresDatabase;
  const replica = { url: "postgres://app@db2/shop?target_session_attrs=standby" };
  expect(resolveReadReplica({ primary, replica })).toMatchObject({
    replica: { addresses: { urls: ["postgres://app@db2/shop"], role: "any" }, connectMaxMs: 1_000 },
    staleMaxMs: 5_000,
    waitMaxMs: 100,
  });
  expect(() => resolveReadReplica({ primary, replica: { url: "postgres://db2,db3/shop" } })).toThrow("replica.url");
  expect(() => resolveReadReplica({ primary, replica, staleMaxMs: 99 })).toThrow("staleMaxMs");
  expect(() => resolveReadReplica({ primary, replica, waitMaxMs: -1 })).toThrow("waitMaxMs");
  expect(() => resolveReadReplica({ primary, replica, waitersMax: 0.5 })).toThrow("waitersMax");
});
