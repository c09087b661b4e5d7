import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { bulkhead } from "./bulkhead.ts";
import { type Layer, timeout } from "./layers.ts";
import { pipeline } from "./pipeline.ts";

const clockAndLine = (...layers: readonly Layer[]) => {
  const clock = manualClock();
  return { clock, line: pipeline({ name: "stock", layers, clock }) };
};

test("work whose promise settles more than once ends once, so that its slot comes back once", async () => {
  const room = bulkhead({ permits: 2 });
  const settlesThrice = {};
  Reflect.set(settlesThrice, "then", (resolve: (value: number) => void, reject: (error: unknown) => void) => {
    resolve(1);
    resolve(2);
    reject(new Error("too late"));
  });
  for (const layers of [[room], [room, timeout(10)]]) {
    const { line, clock } = clockAndLine(...layers);
    expect(await line.run(() => settlesThrice as PromiseLike<number>)).toBe(1);
    await clock.settle();
    expect(room.describe().inUse).toBe(0);
  }
});

test("a time that is no number rejects its call, and holds up nobody else's", async () => {
  const { line, clock } = clockAndLine(timeout(10));
  await expect(line.run(() => expect.unreachable(), { withinMs: Number.NaN })).rejects.toThrow(ConfigError);
  const call = line.outcome(() => new Promise(() => {}));
  await clock.advance(10);
  expect(await call).toMatchObject({ reason: "timeout" });
});
