import { expect, test } from "vitest";
import { z } from "zod";
import { call, contract, event, failure } from "../contract/mod.ts";
import { implement, type Implementation } from "./implement.ts";
import { rejection, testEngine, withServices } from "./one-service.test-system.ts";

const tills = contract("tills", {
  calls: {
    pay: call({
      input: z.object({ sum: z.int() }),
      output: z.object({ receipt: z.int() }),
      errors: { closed: failure({ title: "closed", data: z.object({}) }) },
      semantics: "keyed",
      deadlineMs: 10_000,
    }),
  },
  events: { paid: event({ data: z.object({ sum: z.int() }) }) },
});

type Pay = Parameters<ReturnType<typeof implement<typeof tills>>>[0]["calls"];

function service(calls: NonNullable<Pay>): Implementation {
  return implement(tills)({ engine: testEngine, calls });
}

test("who gives up under a key takes nobody with him who waits for the same answer", async () => {
  let handled = 0;
  const tillsService = service({
    async pay({ signal, clock }) {
      const receipt = ++handled;
      await clock.sleep(1_000, { signal });
      return { receipt };
    },
  });
  await withServices([tillsService], async ({ running, clock }) => {
    const { pay } = running.client(tills);
    const controller = new AbortController();
    const given = rejection(pay({ sum: 1 }, { key: "k", signal: controller.signal }));
    const late = rejection(pay({ sum: 1 }, { key: "late", withinMs: 10 }));
    await clock.settle();
    const waiting = [pay({ sum: 1 }, { key: "k" }), pay({ sum: 1 }, { key: "k" }), pay({ sum: 1 }, { key: "late" })];
    const reason = new Error("changed my mind");
    controller.abort(reason);
    expect(await given).toBe(reason);
    await clock.advance(5_000);
    expect(await late).toMatchObject({ code: "TIMEOUT" });
    const [first, second, third] = await Promise.all(waiting);
    expect(first).toEqual(second);
    expect(third?.receipt).toBeGreaterThan(0);
    expect(handled).toBe(4);
  });
});

test("a key belongs to the caller who chose it: nobody else gets its answer, nor is in its way", async () => {
  let handled = 0;
  const tillsService = service({ pay: () => ({ receipt: ++handled }) });
  await withServices([tillsService], async ({ running }) => {
    const pay = running.dispatcher.call(tills, "pay");
    const payAs = (id: string | undefined): Promise<unknown> =>
      pay({ input: { sum: 1 }, key: "k", caller: id === undefined ? undefined : { id, roles: [] } });
    const answers = [];
    for (const id of ["anna", "bob", "1:k", undefined, "anna", undefined]) answers.push(await payAs(id));
    expect(answers).toEqual([1, 2, 3, 4, 1, 4].map((receipt) => ({ receipt })));
    await expect(payAs("x".repeat(300))).rejects.toMatchObject({ code: "FAULT" });
  });
});

test("a second commit of one keyed call is a fault, not a success whose changes are dropped", async () => {
  const tillsService = service({
    async pay({ input, commit, emit }) {
      await commit({ output: { receipt: 1 }, changes: [emit.paid({ sum: input.sum })] });
      const end = await commit({ output: { receipt: 2 }, changes: [emit.paid({ sum: -1 })] });
      if (!end.committed) throw new Error(end.refusal.kind);
      return end.output;
    },
  });
  await withServices([tillsService], async ({ running, lines }) => {
    const { pay } = running.client(tills);
    await expect(pay({ sum: 1 }, { key: "k" })).rejects.toMatchObject({ code: "FAULT" });
    expect(JSON.stringify(lines)).toContain("put all changes into one commit");
    // What was committed stays the answer.
    expect(await pay({ sum: 1 }, { key: "k" })).toEqual({ receipt: 1 });
  });
});

test("a key without a character is refused, instead of being everybody's key", async () => {
  const tillsService = service({ pay: ({ input }) => ({ receipt: input.sum }) });
  await withServices([tillsService], async ({ running }) => {
    const { pay } = running.client(tills);
    await expect(pay({ sum: 1 }, { key: "" })).rejects.toMatchObject({ code: "VALIDATION" });
    await expect(pay({ sum: 2 }, { key: "x".repeat(2_000) })).rejects.toMatchObject({ code: "VALIDATION" });
    expect(await pay({ sum: 2 }, { key: "x".repeat(255) })).toEqual({ receipt: 2 });
  });
});

test("a key that another service refuses is a fault of the one that chose it", async () => {
  const shops = contract("shops", { calls: { buy: call({ input: z.object({}), output: z.object({}) }) } });
  const shopsService = implement(shops)({
    needs: { tills },
    calls: {
      async buy({ needs }) {
        await needs.tills.pay({ sum: 1 }, { key: "same" });
        await needs.tills.pay({ sum: 2 }, { key: "same" });
        return {};
      },
    },
  });
  const tillsService = service({ pay: ({ input }) => ({ receipt: input.sum }) });
  await withServices([tillsService, shopsService], async ({ running }) => {
    await expect(running.client(shops).buy({})).rejects.toMatchObject({ code: "FAULT", operation: "shops@1.buy" });
  });
});

test("a keyed call may take and give nothing, and is refused an answer that its repeats would get changed", async () => {
  const doors = contract("doors", {
    calls: {
      shut: call({ input: z.undefined(), output: z.undefined(), semantics: "keyed" }),
      when: call({ input: z.object({}), output: z.object({ at: z.date() }), semantics: "keyed" }),
    },
  });
  let shut = 0;
  const doorsService = implement(doors)({
    engine: testEngine,
    calls: { shut: () => void shut++, when: () => ({ at: new Date(0) }) },
  });
  await withServices([doorsService], async ({ running, lines }) => {
    const client = running.client(doors);
    for (let count = 0; count < 2; count++) expect(await client.shut(undefined, { key: "k" })).toBeUndefined();
    expect(shut).toBe(1);
    await expect(client.when({}, { key: "k" })).rejects.toMatchObject({ code: "FAULT" });
    expect(JSON.stringify(lines)).toContain("JSON would lose that it is a Date");
  });
});
