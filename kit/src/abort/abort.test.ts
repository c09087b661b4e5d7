import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { abortable, gate, linkSignals, signalAfter } from "./mod.ts";

function listenersOf(...signals: readonly AbortSignal[]): number {
  return signals.reduce((sum, signal) => sum + getEventListeners(signal, "abort").length, 0);
}

describe("linked signals", () => {
  test("abort with the reason of the first source that aborts, and let all sources go", () => {
    const [left, right] = [new AbortController(), new AbortController()];
    const linked = linkSignals([left.signal, undefined, right.signal]);
    right.abort("right");
    left.abort("left");
    expect([linked.signal.aborted, linked.signal.reason]).toEqual([true, "right"]);
    expect(listenersOf(left.signal, right.signal)).toBe(0);
  });

  test("are aborted from the start when a source already is, without a listener on the others", () => {
    const other = new AbortController();
    const linked = linkSignals([other.signal, AbortSignal.abort("before")]);
    expect([linked.signal.aborted, linked.signal.reason]).toEqual([true, "before"]);
    expect(listenersOf(other.signal)).toBe(0);
  });

  test("leave no listener after disposal, however often it is called, and then stay quiet", () => {
    const source = new AbortController();
    for (let call = 0; call < 20; call++) {
      const linked = linkSignals([source.signal]);
      linked[Symbol.dispose]();
      linked[Symbol.dispose]();
    }
    const linked = linkSignals([source.signal]);
    linked[Symbol.dispose]();
    expect(listenersOf(source.signal)).toBe(0);
    source.abort();
    expect(linked.signal.aborted).toBe(false);
  });

  test("of no sources never abort", () => {
    expect(linkSignals([undefined]).signal.aborted).toBe(false);
  });
});

describe("abortable work", () => {
  test("settles as the work does and leaves no listener", async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve(5), signal)).resolves.toBe(5);
    await expect(abortable(Promise.reject(new Error("work")), signal)).rejects.toThrow("work");
    expect(listenersOf(signal)).toBe(0);
  });

  test("is the work itself when there is no signal", () => {
    const work = Promise.resolve(1);
    expect(abortable(work, undefined)).toBe(work);
  });

  test("rejects with the reason on abort; a late failure of the work is nobody's unhandled rejection", async () => {
    const controller = new AbortController();
    const work = gate<number>();
    const waiting = abortable(work.promise, controller.signal);
    controller.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    work.fail(new Error("late"));
    await manualClock().settle();
    expect(listenersOf(controller.signal)).toBe(0);
  });

  test("rejects at once under a signal that is already aborted, also when the work fails too", async () => {
    await expect(abortable(Promise.reject(new Error("work")), AbortSignal.abort("before"))).rejects.toBe("before");
  });
});

describe("a signal after a delay", () => {
  test("aborts with a reason made at that moment", async () => {
    const clock = manualClock();
    let made = 0;
    const { signal } = signalAfter(clock, 100, () => `late ${++made}`);
    await clock.advance(99);
    expect([signal.aborted, made]).toEqual([false, 0]);
    await clock.advance(1);
    expect([signal.reason, made]).toEqual(["late 1", 1]);
  });

  test("leaves no timer after disposal", async () => {
    const clock = manualClock();
    const held = signalAfter(clock, 100, () => expect.unreachable());
    held[Symbol.dispose]();
    expect(clock.timersPending).toBe(0);
    await clock.advance(200);
    expect(held.signal.aborted).toBe(false);
  });
});

test("a gate settles once, by its first call", async () => {
  const opened = gate<string>();
  opened.open("first");
  opened.fail(new Error("second"));
  await expect(opened.promise).resolves.toBe("first");
  const failed = gate();
  failed.fail(new Error("shut"));
  await expect(failed.promise).rejects.toThrow("shut");
});
