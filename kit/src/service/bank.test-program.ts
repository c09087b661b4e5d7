// A system of two services that keep durable data, run where the flags say: see run.real.test.ts.
import { z } from "zod";
import { call, contract, event, failure, queue, stream } from "../contract/mod.ts";
import { openSqliteEngine } from "../engine/sqlite/mod.ts";
import { join } from "node:path";
import { engineToken, provide } from "./engine-token.ts";
import { implement } from "./implement.ts";
import { run } from "./run.ts";
import { system, type System } from "./system.ts";

/** Accounts with a balance. */
export const accounts = contract("accounts", {
  calls: {
    add: call({
      input: z.object({ account: z.string(), amount: z.int() }),
      output: z.object({ balance: z.int() }),
      errors: { overdrawn: failure({ title: "too little money", data: z.object({ balance: z.int() }) }) },
      semantics: "keyed",
    }),
    total: call({ input: z.object({}), output: z.object({ total: z.int(), pid: z.int() }), semantics: "safe" }),
  },
  events: { added: event({ data: z.object({ account: z.string(), amount: z.int() }), key: "account" }) },
});

/** Moves money; counts what it hears of accounts. */
export const transfers = contract("transfers", {
  calls: {
    move: call({
      input: z.object({ from: z.string(), to: z.string(), amount: z.int() }),
      output: z.object({ moved: z.int() }),
      semantics: "idempotent",
    }),
    heard: call({ input: z.object({}), output: z.object({ events: z.int(), sum: z.int() }), semantics: "safe" }),
  },
  streams: { count: stream({ input: z.object({ to: z.int() }), output: z.object({ n: z.int() }) }) },
  queues: {
    quote: queue({
      input: z.object({ amount: z.int().min(1) }),
      output: z.object({ fee: z.int(), quotes: z.int() }),
      attemptsMax: 1,
    }),
  },
});

let quotes = 0;

const accountsFile = engineToken("accounts");
const transfersFile = engineToken("transfers");
const registryFile = engineToken("registry");
const space = "balances";

const accountsService = implement(accounts)({
  engine: accountsFile,
  calls: {
    async add({ input, engine, commit, emit, fail }) {
      while (true) {
        const [cell] = await engine.get([{ space, key: input.account }]);
        const balance = Number(cell?.value ?? 0) + input.amount;
        if (balance < 0) throw fail.overdrawn({ balance: Number(cell?.value ?? 0) });
        const changes = [
          {
            op: "put",
            cell: { space, key: input.account },
            expect: cell?.version ?? "absent",
            value: `${balance}`,
          } as const,
          emit.added(input),
        ];
        const end = await commit({ output: { balance }, changes });
        if (end.committed) return end.output;
        if (end.refusal.kind !== "cell-conflict") throw new Error(end.refusal.kind);
      }
    },
    async total({ engine }) {
      let total = 0;
      for await (const cell of engine.scan({ kind: "cells", space })) total += Number(cell.value);
      return { total, pid: process.pid };
    },
  },
});

const transfersService = implement(transfers)({
  needs: { accounts },
  engine: transfersFile,
  calls: {
    async move({ input, needs, key = "" }) {
      const { from, to, amount } = input;
      await needs.accounts.add({ account: from, amount: -amount }, { key: `${key}/from` });
      await needs.accounts.add({ account: to, amount }, { key: `${key}/to` });
      return { moved: amount };
    },
    async heard({ engine }) {
      const heard = { events: 0, sum: 0 };
      for await (const { value } of engine.scan({ kind: "cells", space: "heard" })) {
        const [events, sum] = JSON.parse(value) as [number, number];
        heard.events += events;
        heard.sum += sum;
      }
      return heard;
    },
  },
  queues: {
    quote({ input: { amount } }) {
      if (amount > 1_000_000) throw new RangeError("nobody quotes that");
      return { fee: Math.ceil(amount / 100), quotes: ++quotes };
    },
  },
  streams: {
    async *count({ input }) {
      for (let n = 1; n <= input.to; n++) yield { n };
    },
  },
  on: {
    accounts: {
      async added({ data, engine, also }) {
        // Events of one account come one after the other, so that nobody else writes its cell.
        const cell = { space: "heard", key: data.account };
        const [before] = await engine.get([cell]);
        const [events, sum] = (before === undefined ? [0, 0] : JSON.parse(before.value)) as [number, number];
        const value = JSON.stringify([events + 1, sum + data.amount]);
        also({ op: "put", cell, expect: before?.version ?? "absent", value });
      },
    },
  },
});

/** The system. */
export const bank: System = system("bank", {
  services: [accountsService, transfersService],
  registry: registryFile,
  engines: [accountsFile, transfersFile, registryFile].map((token) =>
    provide(token, {
      open: ({ folder, clock }) =>
        openSqliteEngine({ path: join(folder, `${token.name}.db`), durability: "process", clock }),
    }),
  ),
});

if (import.meta.main) {
  const running = await run(bank);
  process.send?.({
    kind: "running",
    address: running.placement.kind === "replica" ? running.placement.node.address : "",
  });
}
