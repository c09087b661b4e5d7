import type { Clock } from "../clock/mod.ts";
import type { EngineBase } from "./mod.ts";

// A clock gives up on code that does not come to rest in 100,000 turns, which pass in a third of a second. A server may be slower than that, so
// behind the first turns of a wait each one takes a while.
const quickTurns = 100;
const napMs = 0.2;
const napping = new Int32Array(new SharedArrayBuffer(4));

/** The engine, on whose calls a manual clock waits: it takes what is on its way to a server for work of the loop, so that a rule which advances time sees
 *  what it would see of an engine in memory. */
export function waitedFor<E extends EngineBase>(engine: E, clock: Clock): E {
  let pending = 0;
  let turns = 0;
  const keepTurning = (): void => {
    if (pending === 0) return;
    if (++turns > quickTurns) Atomics.wait(napping, 0, 0, napMs);
    clock.nextTurn(keepTurning);
  };
  const during = async <T>(call: Promise<T>): Promise<T> => {
    pending += 1;
    turns = 0;
    if (pending === 1) keepTurning();
    try {
      return await call;
    } finally {
      pending -= 1;
    }
  };
  return new Proxy(engine, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const method = value.bind(target) as (...values: readonly unknown[]) => unknown;
      if (name === "scan") return (query: never) => turning(engine.scan(query), during);
      return (...values: readonly unknown[]) => {
        const answer = method(...values);
        return answer instanceof Promise ? during(answer) : answer;
      };
    },
  });
}

async function* turning<T>(rows: AsyncIterable<T>, during: <V>(call: Promise<V>) => Promise<V>): AsyncGenerator<T> {
  const iterator = rows[Symbol.asyncIterator]();
  for (let next = await during(iterator.next()); next.done !== true; next = await during(iterator.next()))
    yield next.value;
}
