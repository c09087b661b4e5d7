import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { CallLine, type WaitingCall } from "./call-line.ts";

const groupMs = 1;

/** A line whose groups take a millisecond each. */
function line(clock: ReturnType<typeof manualClock>): { readonly line: CallLine<string>; readonly sizes: number[] } {
  const sizes: number[] = [];
  const carryOut = async (group: readonly WaitingCall<string>[]): Promise<"done"> => {
    sizes.push(group.length);
    await clock.sleep(groupMs);
    for (const { settled } of group) settled.open();
    return "done";
  };
  return { line: new CallLine({ clock, waitingMax: 1_000, portion: () => () => true, carryOut }), sizes };
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
