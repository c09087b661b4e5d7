import { expect, test } from "vitest";
import { z } from "zod";
import { contract, stream } from "../contract/mod.ts";
import { implement } from "./implement.ts";
import { rejection, type ServiceWorld, withServices } from "./one-service.test-system.ts";

const clocks = contract("clocks", {
  streams: {
    ticks: stream({
      input: z.object({ items: z.int(), last: z.enum(["end", "hang", "fail", "heed"]) }),
      output: z.object({ n: z.int() }),
      deadlineMs: 1_000,
    }),
  },
});

const never = new Promise<never>(() => undefined);
let begun = 0;
let left = 0;
const clocksService = implement(clocks)({
  streams: {
    async *ticks({ input, signal }) {
      begun++;
      try {
        for (let n = 1; n <= input.items; n++) yield { n };
        if (input.last === "hang") await never;
        if (input.last === "fail") throw new Error("no power");
        if (input.last === "heed")
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      } finally {
        left++;
      }
    },
  },
});

async function withClocks(run: (world: ServiceWorld) => Promise<void>): Promise<void> {
  begun = left = 0;
  await withServices([clocksService], run, { graceMs: 100 });
}

test("a reader is released at the first item's deadline and by his signal, also by a handler that heeds neither", async () => {
  await withClocks(async ({ running, clock }) => {
    const { ticks } = running.client(clocks);
    const late = rejection(Array.fromAsync(ticks({ items: 0, last: "hang" })));
    const tight = rejection(Array.fromAsync(ticks({ items: 0, last: "hang" }, { withinMs: 20 })));
    await clock.advance(20);
    expect(await tight).toMatchObject({ code: "TIMEOUT", afterMs: 20 });
    await clock.advance(980);
    expect(await late).toMatchObject({ code: "TIMEOUT", afterMs: 1_000 });
    const reason = new Error("changed my mind");
    for (const last of ["hang", "heed"] as const) {
      const controller = new AbortController();
      const given = rejection(Array.fromAsync(ticks({ items: 2, last }, { signal: controller.signal })));
      await clock.advance(5_000);
      controller.abort(reason);
      expect(await given).toBe(reason);
    }
  });
});

test("a stream for which nobody waits any longer is not begun", async () => {
  await withClocks(async ({ running }) => {
    const { ticks } = running.client(clocks);
    const reason = new Error("changed my mind");
    const aborted = ticks({ items: 1, last: "end" }, { signal: AbortSignal.abort(reason) });
    expect(await rejection(Array.fromAsync(aborted))).toBe(reason);
    const late = ticks({ items: 1, last: "end" }, { withinMs: 0 });
    expect(await rejection(Array.fromAsync(late))).toMatchObject({ code: "TIMEOUT" });
    expect(begun).toBe(0);
  });
});

test("a stream that a closing service cuts does not look as if it were complete", async () => {
  await withClocks(async ({ running, clock }) => {
    const { ticks } = running.client(clocks);
    const cut = (["heed", "hang"] as const).map((last) => rejection(Array.fromAsync(ticks({ items: 1, last }))));
    await clock.settle();
    const closed = running[Symbol.asyncDispose]();
    expect(await Promise.all(cut)).toMatchObject([{ code: "OUTCOME_UNKNOWN" }, { code: "OUTCOME_UNKNOWN" }]);
    await clock.advance(100);
    await closed;
  });
});

test("an error after the first item is a fault with a reference, and leaving early ends the handler", async () => {
  await withClocks(async ({ running, lines }) => {
    const { ticks } = running.client(clocks);
    const items: number[] = [];
    const failing = async (): Promise<void> => {
      for await (const { n } of ticks({ items: 2, last: "fail" })) items.push(n);
    };
    expect(await rejection(failing())).toMatchObject({ code: "FAULT" });
    expect(items).toEqual([1, 2]);
    expect(lines).toMatchObject([{ message: "the stream failed", error: { message: "no power" } }]);
    for await (const { n } of ticks({ items: 100, last: "end" })) if (n === 2) break;
    expect({ begun, left }).toEqual({ begun: 2, left: 2 });
    expect(running.services[0]?.callsInFlight).toBe(0);
  });
});
