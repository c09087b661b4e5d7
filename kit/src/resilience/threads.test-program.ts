// What the threads of the test run.
import process from "node:process";
import { parentPort } from "node:worker_threads";
import { serveTasks } from "./serve-tasks-system.ts";

serveTasks({
  double: (value: number) => value * 2,
  chatter: (value: number) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    for (const told of ["progress", undefined, null, 7, { done: 0.5 }]) parentPort?.postMessage(told);
    return value * 2;
  },
  fail: () => {
    throw new RangeError("too large");
  },
  spin: () => {
    for (;;);
  },
  exit: () => process.exit(3),
  uncloneable: () => () => undefined,
});
