import { join } from "node:path";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { systemMachine } from "./machine-system.ts";
import { Neighbours } from "./neighbours.ts";

test("a look that fails is followed by the next one", async () => {
  let looks = 0;
  const seen = Promise.withResolvers<void>();
  const neighbours = new Neighbours({
    machine: systemMachine(),
    logPath: join(tmpdir(), "no-such-log"),
    hasForeignCommit: () => {
      if (++looks === 1) throw new Error("disk I/O error");
      return true;
    },
    onForeignCommit: () => seen.resolve(),
    neighbours: () => Promise.resolve("none"),
  });
  await seen.promise;
  neighbours.close();
  expect(looks).toBe(2);
  await systemClock.sleep(0);
});
