import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { CallLine, type WaitingCall } from "./call-line.ts";

const groupMs = 1;

interface Line {
  readonly line: CallLine<string>;
  readonly sizes: number[];
  /** Most groups that were under way at a time. */
  readonly underWayMax: () => number;
}

/** A line before a server that takes a millisecond for each group, one after the other. */
function line(clock: ReturnType<typeof manualClock>, groupsMax: 1 | 2 = 1): Line {
  const sizes: number[] = [];
  let server = Promise.resolve();
  let underWay = 0;
  let underWayMax = 0;
  const carryOut = async (group: readonly WaitingCall<string>[]): Promise<"done"> => {
    sizes.push(group.length);
    underWayMax = Math.max(underWayMax, (underWay += 1));
    server = server.then(() => clock.sleep(groupMs));
    await server;
    underWay -= 1;
    for (const { settled } of group) settled.open();
    return "done";
  };
  const calls = new CallLine<string>({ clock, waitingMax: 1_000, groupsMax, portion: () => () => true, carryOut });
  return { line: calls, sizes, underWayMax: () => underWayMax };
}

/** Calls again and again, some promises behind each answer. */
async function caller(line: CallLine<string>, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await line.submit("call");
    for (let tick = 0; tick < 20; tick++) await Promise.resolve();
  }
}

test("few who call while many are under way do not take turns with the many for ever", async () => {
  const clock = manualClock();
  const { line: calls, sizes } = line(clock);
  const many = Array.from({ length: 61 }, () => caller(calls, 10));
  await clock.advance(groupMs / 2);
  const few = Array.from({ length: 3 }, () => caller(calls, 9));
  await clock.advance(100);
  await Promise.all([...many, ...few]);
  expect(sizes).toEqual([61, ...Array.from({ length: 9 }, () => 64)]);
});

test("two halves go on in turns: neither waits for the other to be ready", async () => {
  const clock = manualClock();
  const { line: calls, sizes } = line(clock);
  const first = Array.from({ length: 32 }, () => caller(calls, 5));
  await clock.advance(groupMs / 2);
  const second = Array.from({ length: 32 }, () => caller(calls, 5));
  await clock.advance(100);
  await Promise.all([...first, ...second]);
  expect(sizes).toEqual(Array.from({ length: 10 }, () => 32));
});

test("where two groups may be under way, those who call are shared among them", async () => {
  const clock = manualClock();
  const { line: calls, sizes, underWayMax } = line(clock, 2);
  const callers = Array.from({ length: 64 }, () => caller(calls, 5));
  await clock.advance(100);
  await Promise.all(callers);
  expect(sizes).toEqual(Array.from({ length: 10 }, () => 32));
  expect(underWayMax()).toBe(2);
});

test("few behind many, and many behind few, become equals", async () => {
  const clock = manualClock();
  const { line: calls, sizes, underWayMax } = line(clock, 2);
  const few = Array.from({ length: 3 }, () => caller(calls, 10));
  await clock.advance(groupMs / 2);
  const many = Array.from({ length: 61 }, () => caller(calls, 10));
  await clock.advance(100);
  await Promise.all([...few, ...many]);
  expect(sizes.slice(0, 3)).toEqual([3, 32, 32]);
  expect(sizes.filter((size) => size > 35 || size < 20)).toHaveLength(1);
  expect(underWayMax()).toBe(2);
});

test("a call that comes while a group is under way is sent behind it at once, and a few calls stay together", async () => {
  const clock = manualClock();
  const { line: calls, sizes } = line(clock, 2);
  const first = Array.from({ length: 5 }, () => calls.submit("call"));
  await clock.advance(groupMs / 2);
  const second = calls.submit("call");
  await clock.advance(groupMs / 4);
  expect(sizes).toEqual([5, 1]);
  await clock.advance(10);
  await Promise.all([...first, second, calls.idle()]);
});
