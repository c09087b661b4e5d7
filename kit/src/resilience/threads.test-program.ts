// What the threads of the test run.
import process from "node:process";
import { serveTasks } from "./serve-tasks-system.ts";

serveTasks({
  double: (value: number) => value * 2,
  fail: () => {
    throw new RangeError("too large");
  },
  spin: () => {
    for (;;);
  },
  exit: () => process.exit(3),
  uncloneable: () => () => undefined,
});
