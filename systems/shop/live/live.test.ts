import { describe, expect, test } from "vitest";
import { manualClock } from "ashlar/clock";
import { lineTotal } from "../money.ts";
import { catalogue } from "./catalogue.ts";
import { readStartConfig } from "./config.ts";
import type { Batch } from "./drive.ts";
import { generatedOrder } from "./generated-order.ts";
import { percentiles } from "./percentiles.ts";
import { liveProgress, progressText } from "./progress.ts";

const batch: Batch = {
  count: 500,
  placed: 250,
  confirmed: 200,
  rejected: new Map([["out-of-stock", 40]]),
  returned: 3,
  seconds: 2,
  latenciesMs: [],
  confirmedOrder: undefined,
  rejectedOrder: undefined,
};

describe("the catalogue", () => {
  test("holds some sixty products with a code, a name, an exact price and a shelf", () => {
    expect(catalogue.length).toBeGreaterThanOrEqual(60);
    expect(new Set(catalogue.map(({ code }) => code)).size).toBe(catalogue.length);
    for (const { name, price, shelf } of catalogue) {
      expect(name).not.toBe("");
      expect(shelf).toBeGreaterThan(0);
      expect(lineTotal(1, price)).toBeGreaterThan(0);
    }
  });
});

describe("generated orders", () => {
  test("are the same for the same seed, run and number", () => {
    expect(generatedOrder(7, 2, 3)).toEqual(generatedOrder(7, 2, 3));
  });

  test("have a key that no other run, seed or number has", () => {
    const keys = [1, 2, 3].flatMap((a) => [1, 2, 3].flatMap((b) => [1, 2, 3].map((c) => generatedOrder(a, b, c).key)));
    expect(new Set(keys).size).toBe(27);
  });

  test("ask for different products of the catalogue, one or more of each", () => {
    const codes = new Set(catalogue.map(({ code }) => code));
    for (let n = 1; n <= 500; n++) {
      const { items } = generatedOrder(1, 1, n).body;
      expect(items.length).toBeGreaterThan(0);
      expect(new Set(items.map(({ product }) => product)).size).toBe(items.length);
      for (const { product, quantity } of items) expect([codes.has(product), quantity > 0]).toEqual([true, true]);
    }
  });
});

describe("the options of start", () => {
  test("have defaults that place 500 orders on port 4000 and go on serving", () => {
    expect(readStartConfig([])).toEqual({
      command: "start",
      data: "data",
      port: 4000,
      orders: 500,
      concurrency: 16,
      seed: 1,
      faults: "some",
      stock: "tight",
      durability: "process",
      engine: "sqlite",
      namespace: "shop",
      cache: undefined,
      bus: undefined,
      reads: undefined,
      after: "serve",
      spread: "off",
    });
    expect(readStartConfig(["--once"])).toMatchObject({ after: "exit" });
    expect(readStartConfig(["-h"])).toBe("help");
  });

  test.each([
    ["--port", "65536"],
    ["--port", "http"],
    ["--orders", "-1"],
    ["--orders", "1e3"],
    ["--concurrency", "0"],
    ["--faults", "many"],
    ["--stock", ""],
    ["--data", ""],
    ["--colour", "blue"],
    ["extra", "argument"],
  ])("refuse %s %s in one sentence", (option, value) => {
    expect(() => readStartConfig([option, value])).toThrow(/^[^\n]+$/);
  });
});

test("the progress line tells what is placed, ended and in flight, and how fast, in 79 columns", () => {
  expect(progressText(batch)).toBe("[#####.....] 250/500 placed, 200 confirmed,  40 rejected,  10 in flight,  120/s");
});

test("a log line beside the progress line stands alone, and the progress line comes again", () => {
  let screen = "";
  const progress = liveProgress({ clock: manualClock(), write: (text) => (screen += text), output: "terminal" });
  progress.show(batch);
  progress.beside({ level: "error", message: "a job failed" });
  expect(screen.split("\r\u001B[2K").slice(2)).toEqual([`error: a job failed\n${progressText(batch)}`]);
  progress.end();
  expect(screen.endsWith("\r\u001B[2K")).toBe(true);
});

test("percentiles are values of the sample, and zero without one", () => {
  expect(percentiles(Array.from({ length: 100 }, (_, index) => 100 - index))).toEqual({ p50: 50, p95: 95, p99: 99 });
  expect(percentiles([7])).toEqual({ p50: 7, p95: 7, p99: 7 });
  expect(percentiles([])).toEqual({ p50: 0, p95: 0, p99: 0 });
});
