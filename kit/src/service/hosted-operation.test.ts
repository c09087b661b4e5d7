import { expect, test } from "vitest";
import { z } from "zod";
import { gate } from "../abort/mod.ts";
import { call, contract, type Request } from "../contract/mod.ts";
import { TimeoutError } from "../errors/mod.ts";
import { subscribe } from "../telemetry/mod.ts";
import { implement } from "./implement.ts";
import { rejection, testEngine, withServices } from "./one-service.test-system.ts";

let duringValidation = (): void => undefined;
const ovens = contract("ovens", {
  calls: {
    bake: call({
      input: z.object({ how: z.string().refine(() => (duringValidation(), true)) }),
      output: z.object({}),
      deadlineMs: 100,
    }),
  },
});

const baked: string[] = [];
const ovensService = implement(ovens)({
  calls: {
    async bake({ input, signal, clock }) {
      baked.push(input.how);
      if (input.how === "stubborn") await clock.sleep(500);
      if (input.how === "heedful") await clock.sleep(500, { signal });
      if (input.how === "broken on the way")
        await clock.sleep(500, { signal }).catch(() => Promise.reject(new Error("burnt")));
      // A call further on has as much time, and its timer may ring a little sooner.
      if (input.how === "told first by another") await clock.sleep(99.5);
      if (input.how === "told first by another" || input.how === "another was slow")
        throw new TimeoutError("mills@1.grind", 7);
      return {};
    },
  },
});

test("what has no time left, or whose caller gave up while its input was read, is not begun", async () => {
  await withServices([ovensService], async ({ running }) => {
    baked.length = 0;
    const { bake } = running.client(ovens);
    for (const withinMs of [0, -1])
      expect(await rejection(bake({ how: "late" }, { withinMs }))).toMatchObject({ code: "TIMEOUT" });
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    duringValidation = () => controller.abort(reason);
    expect(await rejection(bake({ how: "given up" }, { signal: controller.signal }))).toBe(reason);
    duringValidation = () => undefined;
    expect(baked).toEqual([]);
    expect(running.services[0]?.callsInFlight).toBe(0);
  });
});

test("telemetry has the end that the caller saw, and the log what failed: not a handler that heeds its signal", async () => {
  await withServices([ovensService], async ({ running, clock, lines }) => {
    const outcomes: string[] = [];
    using _ = subscribe("ashlar.service.call", ({ outcome }) => outcomes.push(outcome));
    const { bake } = running.client(ovens);
    const ends = ["stubborn", "heedful", "broken on the way"].map((how) => rejection(bake({ how })));
    const controller = new AbortController();
    ends.push(rejection(bake({ how: "stubborn" }, { signal: controller.signal })));
    controller.abort(new Error("changed my mind"));
    await clock.advance(1_000);
    expect(await Promise.all(ends)).toMatchObject([
      { code: "TIMEOUT" },
      { code: "TIMEOUT" },
      { code: "TIMEOUT" },
      { message: "changed my mind" },
    ]);
    expect(outcomes.toSorted()).toEqual(["GIVEN_UP", "TIMEOUT", "TIMEOUT", "TIMEOUT"]);
    expect(lines.map(({ error }) => (error as Error).message)).toEqual(["burnt"]);
  });
});

test("who has no time left hears just that, also when a call further on noticed first; with time left it is a fault", async () => {
  await withServices([ovensService], async ({ running, clock, lines }) => {
    const { bake } = running.client(ovens);
    const ended = rejection(bake({ how: "told first by another" }));
    await clock.advance(99.5);
    expect(await ended).toMatchObject({ code: "TIMEOUT", what: "ovens@1.bake", afterMs: 100 });
    expect(lines).toEqual([]);
    expect(await rejection(bake({ how: "another was slow" }))).toMatchObject({ code: "FAULT", retryable: true });
  });
});

test("the guards stand in one order: room, access, rate, time, input, key; each refuses what the next would have as well", async () => {
  const vault = contract("vault", {
    calls: {
      put: call({
        input: z.object({ how: z.enum(["held", "quick"]) }),
        output: z.object({}),
        semantics: "keyed",
        access: { roles: ["keeper"] },
        rateLimit: { perSecond: 1, burst: 1 },
      }),
    },
  });
  const held = gate();
  const vaultService = implement(vault)({
    engine: testEngine,
    calls: { put: async ({ input }) => (input.how === "held" ? held.promise.then(() => ({})) : {}) },
  });
  await withServices(
    [vaultService],
    async ({ running, clock }) => {
      const put = running.dispatcher.call(vault, "put");
      const caller = { id: "ada", roles: ["keeper"] };
      const first = put({ input: { how: "held" }, caller, key: "k" });
      const codeOf = async (mended: Partial<Request>): Promise<unknown> =>
        await rejection(put({ input: { how: "nonsense" }, withinMs: 0, key: "k", ...mended }));
      expect(await codeOf({})).toMatchObject({ code: "UNAVAILABLE" });
      held.open();
      await first;
      expect(await codeOf({})).toMatchObject({ code: "ACCESS" });
      expect(await codeOf({ caller })).toMatchObject({ code: "RATE_LIMIT" });
      await clock.advance(1_000);
      expect(await codeOf({ caller })).toMatchObject({ code: "TIMEOUT" });
      await clock.advance(1_000);
      expect(await codeOf({ caller, withinMs: 100 })).toMatchObject({ code: "VALIDATION" });
      await clock.advance(1_000);
      const input = { how: "quick" };
      expect(await codeOf({ caller, withinMs: 100, input })).toMatchObject({ code: "KEY_REUSED" });
    },
    { callsMax: 1 },
  );
});
