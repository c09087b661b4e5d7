import { describe, expect, test } from "vitest";
import { z } from "zod";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { asIfRemote, engineToken, implement, openServices, provide, system } from "../../service/mod.ts";
import { systemClock } from "../../clock/mod.ts";
import { seededRandom } from "../../random/mod.ts";
import { call, contract, type Dispatcher, failure } from "../mod.ts";
import { exerciseContract, type OpenedContract } from "./exercise-contract.ts";
import type { Examples } from "./examples.ts";

const shelf = contract("shelf", {
  calls: {
    take: call({
      input: z.object({ sku: z.string(), quantity: z.int().min(1) }),
      output: z.object({ left: z.int() }),
      errors: { outOfStock: failure({ title: "too few", data: z.object({ left: z.int() }) }) },
      semantics: "keyed",
    }),
    count: call({ input: z.object({ sku: z.string() }), output: z.object({ left: z.int() }), semantics: "safe" }),
    close: call({ input: z.object({}), output: z.object({}), access: { roles: ["clerk"] } }),
  },
});
const main = engineToken("main");

function openShelf(wrap: (inner: Dispatcher) => Dispatcher): () => Promise<OpenedContract> {
  return async () => {
    const left = new Map([["tea", 5]]);
    const service = implement(shelf)({
      engine: main,
      calls: {
        take({ input, fail }) {
          const before = left.get(input.sku) ?? 0;
          if (before < input.quantity) throw fail.outOfStock({ left: before });
          left.set(input.sku, before - input.quantity);
          return { left: before - input.quantity };
        },
        count: ({ input }) => ({ left: left.get(input.sku) ?? 0 }),
        close: () => ({}),
      },
    });
    const small = system("small", {
      services: [service],
      engines: [provide(main, { open: () => openMemoryEngine() })],
    });
    const running = await openServices(small);
    return { dispatcher: wrap(running.dispatcher), dispose: () => running[Symbol.asyncDispose]() };
  };
}

const examples: Examples<typeof shelf> = {
  take: {
    good: () => ({ sku: "tea", quantity: 1 }),
    refused: { outOfStock: () => ({ sku: "tea", quantity: 6 }) },
  },
  count: { good: () => ({ sku: "tea" }) },
  close: { good: () => ({}) },
};

exerciseContract(shelf, { test, open: openShelf((inner) => inner), examples });

const clock = systemClock;
const remote = (inner: Dispatcher): Dispatcher =>
  asIfRemote(inner, { clock, random: seededRandom("conformance"), delayMaxMs: 1 });
describe("as if remote", () => {
  exerciseContract(shelf, { test, open: openShelf(remote), examples });
});

/** The rules that a way of answering breaks. */
async function broken(tamper: (inner: Dispatcher) => Dispatcher): Promise<string[]> {
  const failed: string[] = [];
  const proofs: Promise<void>[] = [];
  const collect = (name: string, run: () => Promise<void>): void => {
    proofs.push(
      run().catch(() => {
        failed.push(name);
      }),
    );
  };
  exerciseContract(shelf, { test: collect, open: openShelf(tamper), examples });
  await Promise.all(proofs);
  return failed;
}

function changing(change: (request: Parameters<ReturnType<Dispatcher["call"]>>[0]) => object) {
  return (inner: Dispatcher): Dispatcher => ({
    ...inner,
    stream: (contract, name) => inner.stream(contract, name),
    call: (contract, name) => (request) => inner.call(contract, name)({ ...request, ...change(request) }),
  });
}

test("a way that loses what a promise rests on breaks that promise", async () => {
  expect(await broken((inner) => inner)).toEqual([]);
  expect(await broken(changing(() => ({ key: undefined })))).toContain(
    "shelf@1.take gives a repeat under the same key the same answer, also at the same moment",
  );
  expect(await broken(changing(() => ({ caller: { id: "root", roles: ["clerk"] } })))).toEqual([
    "shelf@1.close is not open to everybody when it says so",
  ]);
  expect(await broken(changing(() => ({ signal: undefined })))).toContain(
    "shelf@1.count releases a caller who gave up before",
  );
  expect(await broken(changing(() => ({ input: { sku: "tea", quantity: 1 } })))).toEqual(
    expect.arrayContaining([
      "shelf@1.take refuses an input that does not fit, and says where",
      "shelf@1.take refuses as it declares, with data that fit",
      "shelf@1.take refuses another input under a key that was used",
    ]),
  );
});
