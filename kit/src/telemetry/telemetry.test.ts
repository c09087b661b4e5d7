import { channel as nodeChannel } from "node:diagnostics_channel";
import { describe, expect, test } from "vitest";
import { subscribe, telemetryChannel } from "./mod.ts";

const fired = { schedule: "nightly", dueAtMs: 1_767_225_600_000 };

describe("a channel", () => {
  test("is active exactly while somebody listens", () => {
    const channel = telemetryChannel("ashlar.schedule.fired");
    const seen: number[] = [];
    channel.publish({ ...fired, lateMs: 0 });
    expect(channel.active).toBe(false);
    const first = subscribe("ashlar.schedule.fired", ({ lateMs }) => seen.push(lateMs));
    const second = subscribe("ashlar.schedule.fired", ({ lateMs }) => seen.push(lateMs * 10));
    expect(channel.active).toBe(true);
    channel.publish({ ...fired, lateMs: 1 });
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    channel.publish({ ...fired, lateMs: 2 });
    second[Symbol.dispose]();
    expect(channel.active).toBe(false);
    channel.publish({ ...fired, lateMs: 3 });
    expect(seen).toEqual([1, 10, 20]);
  });

  test("calls and allocates nothing while nobody listens", () => {
    const channel = telemetryChannel("ashlar.schedule.fired");
    let built = 0;
    const work = (count: number): void => {
      if (channel.active) channel.publish({ ...fired, lateMs: count + ++built });
    };
    const heapAfter = (calls: number): number => {
      for (let call = 0; call < calls; call++) work(call);
      return process.memoryUsage().heapUsed;
    };
    const before = heapAfter(100_000); // warmed up
    const grownBytes = heapAfter(500_000) - before;
    expect(built).toBe(0);
    // An object of one field would be 12 MB or more; what remains is the measurement itself.
    expect(grownBytes).toBeLessThan(500_000);
  });

  test("is the process-wide diagnostics channel, so that any tool may listen", () => {
    const seen: unknown[] = [];
    const listener = (event: unknown): void => void seen.push(event);
    nodeChannel("ashlar.schedule.fired").subscribe(listener);
    telemetryChannel("ashlar.schedule.fired").publish({ ...fired, lateMs: 1 });
    nodeChannel("ashlar.schedule.fired").unsubscribe(listener);
    expect(seen).toEqual([{ ...fired, lateMs: 1 }]);
  });
});

test("a listener that throws breaks neither the publisher nor the other listeners, and warns once", async () => {
  const channel = telemetryChannel("ashlar.schedule.fired");
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`);
  process.on("warning", onWarning);
  const seen: number[] = [];
  using _broken = subscribe("ashlar.schedule.fired", () => {
    throw new Error("broken listener");
  });
  using _sound = subscribe("ashlar.schedule.fired", ({ lateMs }) => seen.push(lateMs));
  channel.publish({ ...fired, lateMs: 1 });
  channel.publish({ ...fired, lateMs: 2 });
  await new Promise((resolve) => process.nextTick(resolve));
  process.off("warning", onWarning);
  expect(seen).toEqual([1, 2]);
  expect(warnings).toEqual(["TelemetryWarning: a listener of ashlar.schedule.fired threw: broken listener"]);
});
