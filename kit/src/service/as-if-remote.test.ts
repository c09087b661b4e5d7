import { expect, test } from "vitest";
import { z } from "zod";
import { manualClock } from "../clock/mod.ts";
import { call, contract, DeclaredError, type Dispatcher, failure, type Request, stream } from "../contract/mod.ts";
import { seededRandom } from "../random/mod.ts";
import { asIfRemote } from "./as-if-remote.ts";

const terms = { input: z.object({}), output: z.object({}) };
const lamps = contract("lamps", {
  calls: {
    look: call({ ...terms, semantics: "safe" }),
    set: call({ ...terms, semantics: "idempotent" }),
    buy: call({ ...terms, semantics: "keyed" }),
    toggle: call(terms),
  },
  streams: { watch: stream({ ...terms, errors: { dark: failure({ title: "dark", data: z.object({}) }) } }) },
});

test("every call that may be repeated is, a keyed one under one key; an unsafe one never", async () => {
  const clock = manualClock();
  const asked: Record<string, (string | undefined)[]> = {};
  const inner: Dispatcher = {
    call: (_, name) => (request: Request) => {
      (asked[name] ??= []).push(request.key);
      return Promise.resolve({});
    },
    stream: () => expect.unreachable(),
    queue: () => expect.unreachable(),
    feed: () => expect.unreachable(),
  };
  const remote = asIfRemote(inner, { clock, random: seededRandom("repeats"), duplicates: 1 });
  const calls = Object.keys(lamps.calls).map((name) => remote.call(lamps, name)({ input: {} }));
  await clock.advance(100);
  await Promise.all(calls);
  expect(asked).toMatchObject({ look: [undefined, undefined], set: [undefined, undefined], toggle: [undefined] });
  const [first, second] = asked["buy"] ?? [];
  expect(first).toEqual(expect.any(String));
  expect(second).toBe(first);
});

test("the way takes its time from the deadline, and errors of a stream arrive as copies", async () => {
  const clock = manualClock();
  const thrown = new DeclaredError("lamps@1.watch", { failure: "dark", title: "dark", data: {}, retryable: false });
  const left: (number | undefined)[] = [];
  const inner: Dispatcher = {
    call: () => (request: Request) => {
      left.push(request.withinMs);
      return Promise.resolve({});
    },
    stream: () =>
      async function* items() {
        yield {};
        throw thrown;
      },
    queue: () => expect.unreachable(),
    feed: () => expect.unreachable(),
  };
  const remote = asIfRemote(inner, { clock, random: seededRandom("time"), delayMaxMs: 50, duplicates: 0 });
  const called = remote.call(lamps, "look")({ input: {}, withinMs: 100 });
  await clock.advance(200);
  await called;
  expect(left[0]).toBeLessThan(100);
  const ended = Array.fromAsync(remote.stream(lamps, "watch")({ input: {} })).catch((error: unknown) => error);
  await clock.advance(500);
  const error = await ended;
  expect(error).toMatchObject({ code: "DECLARED", failure: "dark" });
  expect(error).not.toBe(thrown);
});
