import { expect, test } from "vitest";
import { z } from "zod";
import { manualClock } from "../clock/mod.ts";
import { loadConfig } from "../config/mod.ts";
import { call, contract } from "../contract/mod.ts";
import { implement } from "./implement.ts";
import { runConfig } from "./run-config.ts";
import { run } from "./run.ts";
import { system } from "./system.ts";

function faultsOf(argv: readonly string[]): string {
  try {
    loadConfig(runConfig, { argv, env: {} });
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

test("what a process cannot run by is refused by the name under which it was given, all of it at once", () => {
  const faults = faultsOf(["--grace", "0", "--only", ",", "--as-if-remote", "-1"]);
  expect(faults).toContain("--grace");
  expect(faults).toContain("--only");
  expect(faults).toContain("--as-if-remote");
  expect(faultsOf(["--grace", "2h"])).toContain("--grace");
  expect(faultsOf(["--only", ""])).toContain("--only");
  expect(faultsOf(["--grace", "1h", "--only", "orders, stock"])).toBe("");
});

const mills = contract("mills", {
  calls: { grind: call({ input: z.object({ forMs: z.int() }), output: z.object({}), deadlineMs: 60_000 }) },
});
const millsService = implement(mills)({
  calls: {
    async grind({ input, clock, signal }) {
      await clock.sleep(input.forMs, { signal });
      return {};
    },
  },
});

test("calls in hand have most of the grace to finish in, and the rest is for what is left of them", async () => {
  for (const [forMs, end] of [
    [7_000, "finished"],
    [30_000, "cut off"],
  ] as const) {
    const clock = manualClock();
    const settings = { argv: ["--grace", "10s"], env: {}, signals: "leave", log: () => undefined, clock } as const;
    const running = await run(system("mills", { services: [millsService] }), settings);
    const ground = running
      .client(mills)
      .grind({ forMs })
      .then(
        () => "finished",
        () => "cut off",
      );
    const stopped = running.stop();
    await clock.advance(10_000);
    expect(await ground).toBe(end);
    expect(await stopped).toMatchObject({ outcome: "done", unfinished: [] });
  }
});
