import type { Timer } from "../../clock/mod.ts";
import { bound, host } from "./current-system.ts";

type Callback = (...given: unknown[]) => void;

/** What `setTimeout` gives in a simulated process: as much of Node's as is used. */
interface TimeoutObject {
  ref(): TimeoutObject;
  unref(): TimeoutObject;
  hasRef(): boolean;
  refresh(): TimeoutObject;
  close(): TimeoutObject;
  [Symbol.toPrimitive](): number;
  [Symbol.dispose](): void;
}

let numbers = 0;
const byNumber = new Map<number, TimeoutObject>();

function timeout(delayMs: unknown, repeat: "once" | "again", run: () => void): TimeoutObject {
  const { clock } = host();
  const number = ++numbers;
  // As Node does: what is no delay, or too long for 32 bits, is 1 ms.
  const asked = Math.trunc(Number(delayMs));
  const ms = asked >= 1 && asked <= 2_147_483_647 ? asked : 1;
  let holdsProcess: "yes" | "no" = "yes";
  let timer: Timer | undefined;
  const arm = (): void => {
    timer?.cancel();
    timer = clock.setTimer(
      ms,
      () => {
        if (repeat === "again") arm();
        else byNumber.delete(number);
        run();
      },
      { holdsProcess },
    );
  };
  const held = (holds: "yes" | "no") => (): TimeoutObject => {
    holdsProcess = holds;
    return object;
  };
  const close = (): TimeoutObject => {
    timer?.cancel();
    byNumber.delete(number);
    return object;
  };
  const object: TimeoutObject = {
    ref: held("yes"),
    unref: held("no"),
    hasRef: () => holdsProcess === "yes",
    refresh: () => (arm(), object),
    close,
    [Symbol.toPrimitive]: () => number,
    [Symbol.dispose]: () => void close(),
  };
  byNumber.set(number, object);
  arm();
  return object;
}

function clear(given: unknown): void {
  const found = typeof given === "object" ? (given as TimeoutObject | null) : byNumber.get(Number(given));
  found?.close();
}

/** `node:timers` and the global functions of that name. */
export const timers: Readonly<Record<string, (...given: never[]) => unknown>> = {
  setTimeout: (run: Callback, ms?: number, ...given: unknown[]): TimeoutObject =>
    timeout(
      ms,
      "once",
      bound(() => run(...given)),
    ),
  setInterval: (run: Callback, ms?: number, ...given: unknown[]): TimeoutObject =>
    timeout(
      ms,
      "again",
      bound(() => run(...given)),
    ),
  setImmediate: (run: Callback, ...given: unknown[]): TimeoutObject => {
    let isCleared = false;
    const inside = bound(() => run(...given));
    host().clock.nextTurn(() => {
      if (!isCleared) inside();
    });
    const object: TimeoutObject = {
      ref: () => object,
      unref: () => object,
      hasRef: () => true,
      refresh: () => object,
      close: () => ((isCleared = true), object),
      [Symbol.toPrimitive]: () => 0,
      [Symbol.dispose]: () => void object.close(),
    };
    return object;
  },
  clearTimeout: clear,
  clearInterval: clear,
  clearImmediate: clear,
};

interface Waiting {
  readonly signal?: AbortSignal;
}

const promises = {
  setTimeout: async <T>(ms?: number, value?: T, options: Waiting = {}): Promise<T | undefined> => {
    await host().clock.sleep(Math.max(1, Number(ms) || 1), { signal: options.signal });
    return value;
  },
  setImmediate: <T>(value?: T): Promise<T | undefined> =>
    new Promise((resolve) => host().clock.nextTurn(() => resolve(value))),
  async *setInterval<T>(ms?: number, value?: T, options: Waiting = {}): AsyncGenerator<T | undefined> {
    for (;;) yield await promises.setTimeout(ms, value, options);
  },
  scheduler: {
    wait: (ms: number, options: Waiting = {}): Promise<void> => host().clock.sleep(ms, { signal: options.signal }),
    yield: (): Promise<unknown> => promises.setImmediate(),
  },
} as const;

/** `node:timers/promises`. */
export const timersPromises: Readonly<Record<string, unknown>> = promises;
