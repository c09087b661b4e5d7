import { expect, test } from "vitest";
import { z } from "zod";
import { commandHandlers, queryHandlers } from "./handlers.ts";

interface Ledger {
  cents: number;
}

const commands = commandHandlers<Ledger>()({
  deposit: {
    input: z.object({ cents: z.number().int().positive() }),
    handle: ({ cents }: { readonly cents: number }, ledger) => (ledger.cents += cents),
  },
  reset: { handle: (_input: undefined, ledger) => void (ledger.cents = 0) },
});

const queries = queryHandlers<Ledger>()({
  balance: { handle: async (_input: undefined, ledger) => ({ cents: ledger.cents }) },
});

test("a call is typed by its handler", async () => {
  const ledger = { cents: 1 };
  const after: number = await commands.call("deposit", { cents: 4 }, ledger);
  const balance: { readonly cents: number } = await queries.call("balance", undefined, ledger);
  expect([after, balance.cents]).toEqual([5, 5]);
  // @ts-expect-error a deposit has cents
  await expect(commands.call("deposit", { euros: 1 }, ledger)).resolves.toBeNaN();
});

test("a dispatch checks name and input before the handler sees them", async () => {
  const ledger = { cents: 1 };
  expect(await commands.dispatch("deposit", { cents: 4 }, ledger)).toBe(5);
  await expect(commands.dispatch("deposit", { cents: -4 }, ledger)).rejects.toMatchObject({ code: "VALIDATION" });
  await expect(commands.dispatch("toString", {}, ledger)).rejects.toMatchObject({ code: "UNKNOWN_MESSAGE" });
  await expect(commands.dispatch("reset", {}, ledger)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  expect(ledger.cents).toBe(5);
});
