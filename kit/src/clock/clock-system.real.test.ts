import { spawnSync } from "node:child_process";
import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { systemClock } from "./mod.ts";

const door = new URL("./mod.ts", import.meta.url).href;

function exitAfter(source: string): { readonly status: number | null; readonly output: string } {
  const program = `import { systemClock } from ${JSON.stringify(door)}; ${source}`;
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    timeout: 10_000,
    encoding: "utf8",
  });
  return { status: child.status, output: child.stdout };
}

describe("the system clock", () => {
  test("sleeps for about the time it is given and leaves no listener behind", async () => {
    const controller = new AbortController();
    const startMs = systemClock.monotonic();
    await systemClock.sleep(20, { signal: controller.signal });
    expect(systemClock.monotonic() - startMs).toBeGreaterThanOrEqual(19);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("an abort ends a sleep with its reason and leaves no listener behind", async () => {
    const controller = new AbortController();
    const sleep = systemClock.sleep(60_000, { signal: controller.signal });
    controller.abort("enough");
    await expect(sleep).rejects.toBe("enough");
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  test("a delay beyond 32 bits is waited for, not cut to 1 ms", async () => {
    let rung = 0;
    const timers = [2 ** 31, 2 ** 45, Infinity].map((delayMs) => systemClock.setTimer(delayMs, () => rung++));
    await systemClock.sleep(15);
    for (const timer of timers) timer.cancel();
    expect(rung).toBe(0);
  });

  test("now is an integer, and monotonic never goes back", () => {
    expect(Number.isInteger(systemClock.now())).toBe(true);
    let last = systemClock.monotonic();
    for (let count = 0; count < 1_000; count++) {
      const next = systemClock.monotonic();
      expect(next).toBeGreaterThanOrEqual(last);
      last = next;
    }
  });

  test("the next turn comes after the promises of this one", async () => {
    const log: string[] = [];
    await new Promise<void>((resolve) => {
      systemClock.nextTurn(() => {
        log.push("turn");
        resolve();
      });
      void Promise.resolve()
        .then(() => undefined)
        .then(() => log.push("promise"));
    });
    expect(log).toEqual(["promise", "turn"]);
  });

  test("a timer holds the process unless it is told not to", () => {
    const ring = `() => console.log("rang")`;
    expect(exitAfter(`systemClock.setTimer(30, ${ring})`)).toEqual({ status: 0, output: "rang\n" });
    expect(exitAfter(`systemClock.setTimer(60_000, ${ring}, { holdsProcess: "no" })`)).toEqual({
      status: 0,
      output: "",
    });
  });
});
