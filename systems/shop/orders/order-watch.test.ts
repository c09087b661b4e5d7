import { manualClock } from "ashlar/clock";
import { expect, test } from "vitest";
import { OrderWatch } from "./order-watch.ts";

const never = new AbortController().signal;

test("everybody who follows an order is told of a change, also of one between two looks, and in any case after a second", async () => {
  const clock = manualClock();
  const watch = new OrderWatch(clock);
  using first = watch.follow("1");
  using second = watch.follow("1");
  watch.changed("1");
  await Promise.all([first.next(never), second.next(never)]);
  using third = watch.follow("1");
  const looked = third.next(never);
  await clock.advance(1_000);
  await looked;
  expect(clock.timersPending).toBe(0);
});

test("who gives up is released at once", async () => {
  const clock = manualClock();
  const watch = new OrderWatch(clock);
  using follower = watch.follow("1");
  const leaving = new AbortController();
  const waiting = follower.next(leaving.signal);
  leaving.abort();
  await waiting;
  expect(clock.timersPending).toBe(0);
});

test("nothing is kept of an order that nobody follows any more, whether it changed or not", () => {
  const watch = new OrderWatch(manualClock());
  for (const id of ["unknown", "ended", "1"]) {
    using _one = watch.follow(id);
    using _other = watch.follow(id);
    expect(watch.orders).toBe(1);
  }
  expect(watch.orders).toBe(0);
  using early = watch.follow("1");
  watch.changed("1");
  using late = watch.follow("1");
  early[Symbol.dispose]();
  expect(watch.orders).toBe(1);
  late[Symbol.dispose]();
  expect(watch.orders).toBe(0);
});
