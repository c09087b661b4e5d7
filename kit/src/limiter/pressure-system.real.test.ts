import process from "node:process";
import { expect, test } from "vitest";
import { systemClock } from "../clock/mod.ts";
import { systemPressure } from "./mod.ts";

test("a process that blocks its event loop is seen to be late and busy, and memory is a share", async () => {
  const cpu = process.cpuUsage();
  const beganAtMs = systemClock.monotonic();
  using pressure = systemPressure();
  await systemClock.sleep(60);
  const untilMs = systemClock.monotonic() + 200;
  while (systemClock.monotonic() < untilMs);
  await systemClock.sleep(60);
  const busy = pressure.read();
  const { user, system } = process.cpuUsage(cpu);
  const ownRatio = (user + system) / 1_000 / (systemClock.monotonic() - beganAtMs);
  expect(busy.loopDelayMs).toBeGreaterThan(100);
  // Beside others that are busy too, a process that spins gets little of the processor.
  expect(busy.cpuRatio).toBeGreaterThan(ownRatio / 2);
  expect(busy.cpuRatio).toBeLessThan(ownRatio * 2);
  expect(busy.memoryRatio).toBeGreaterThan(0);
  expect(busy.memoryRatio).toBeLessThan(1);
});
