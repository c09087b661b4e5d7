import { expect, test } from "vitest";
import { manualClock } from "../clock/mod.ts";
import { call, contract } from "../contract/mod.ts";
import { z } from "zod";
import { contextLog } from "./context-log.ts";
import { implement } from "./implement.ts";
import { lineText, type LogLine } from "./log.ts";
import { rejection, withServices } from "./one-service.test-system.ts";

test("a sink that fails harms neither who logs nor the call that is handled", async () => {
  const log = contextLog(
    () => {
      throw new Error("disk full");
    },
    manualClock(),
    {},
  );
  expect(() => log.info("hello")).not.toThrow();
  const pans = contract("pans", { calls: { fry: call({ input: z.object({}), output: z.object({}) }) } });
  const service = implement(pans)({
    calls: {
      fry() {
        throw new Error("burnt");
      },
    },
  });
  const broken = (): void => {
    throw new Error("disk full");
  };
  await withServices(
    [service],
    async ({ running }) => {
      expect(await rejection(running.client(pans).fry({}))).toMatchObject({ code: "FAULT" });
    },
    { log: broken },
  );
});

test("what a line is cannot be said anew by its fields", () => {
  const lines: LogLine[] = [];
  const log = contextLog((line) => void lines.push(line), manualClock(), { service: "a@1" });
  log.warn("careful", { level: "debug", message: "all is well", time: "never", service: "b@1", sku: "tea" });
  expect(lines).toEqual([
    { time: expect.stringContaining("T"), level: "warn", message: "careful", service: "a@1", sku: "tea" },
  ]);
});

test("a line is written whatever its fields hold", () => {
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const fields = { sum: 5n, loop, deep: { sum: 6n }, nothing: undefined, run: () => 1, text: 'a "b"' };
  const line = { time: "t", level: "info", message: "m", ...fields } as const;
  expect(JSON.parse(lineText(line))).toEqual({
    time: "t",
    level: "info",
    message: "m",
    sum: "5",
    loop: "a value that JSON cannot say",
    deep: { sum: "6" },
    text: 'a "b"',
  });
});
