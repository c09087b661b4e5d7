import { signalAfter } from "../../abort/mod.ts";
import { crypto } from "./crypto-system.ts";
import { host, processNow, refused } from "./current-system.ts";
import { fetchThroughWorld } from "./http-system.ts";
import { simulatedProcess } from "./process-system.ts";
import { timers } from "./timers-system.ts";

type Anything = (...given: never[]) => unknown;

let installed: "yes" | "no" = "no";

/** Replaces the globals by which code reaches the machine, once for the thread. Outside of simulated processes they do what they always did. */
export function installGlobals(): void {
  if (installed === "yes") return;
  installed = "yes";
  for (const [name, simulated] of Object.entries(timers)) inside(globalThis, name, simulated);
  inside(globalThis, "fetch", fetchThroughWorld);
  inside(Math, "random", () => host().random.next());
  inside(performance, "now", () => host().clock.monotonic());
  inside(globalThis.crypto, "randomUUID", crypto["randomUUID"] as Anything);
  inside(globalThis.crypto, "getRandomValues", crypto["getRandomValues"] as Anything);
  inside(AbortSignal, "timeout", (ms: number) => signalAfter(host().clock, ms, timedOut).signal);
  for (const name of ["WebSocket", "EventSource", "FinalizationRegistry", "WeakRef", "BroadcastChannel"])
    refuseClass(name);
  globalThis.Date = simulatedDate(globalThis.Date);
  const { process: real } = globalThis;
  Object.defineProperty(globalThis, "process", {
    configurable: true,
    get: () => {
      const now = processNow();
      return now === undefined ? real : simulatedProcess(now);
    },
  });
}

function timedOut(): DOMException {
  return new DOMException("The operation was aborted due to timeout", "TimeoutError");
}

function inside(owner: object, name: string, simulated: Anything): void {
  const real = Reflect.get(owner, name) as Anything;
  const either = function either(this: unknown, ...given: never[]): unknown {
    return processNow() === undefined ? Reflect.apply(real, this, given) : simulated(...given);
  };
  Object.defineProperty(owner, name, { configurable: true, writable: true, value: Object.assign(either, real) });
}

function refuseClass(name: string): void {
  const real = Reflect.get(globalThis, name) as (new (...given: never[]) => object) | undefined;
  if (real === undefined) return;
  const refuse = refused(name, "it depends on the machine or on when garbage is collected");
  const either = new Proxy(real, {
    construct: (target, given, as) =>
      processNow() === undefined ? (Reflect.construct(target, given, as) as object) : refuse(),
  });
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: either });
}

function simulatedDate(real: DateConstructor): DateConstructor {
  const now = (): number => processNow()?.clock.now() ?? real.now();
  return new Proxy(real, {
    construct: (target, given, as) => Reflect.construct(target, given.length === 0 ? [now()] : given, as) as object,
    apply: () => new real(now()).toString(),
    get: (target, name) => (name === "now" ? now : (Reflect.get(target, name) as unknown)),
  });
}
