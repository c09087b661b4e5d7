import { expect, test } from "vitest";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { specification } from "../spec/mod.ts";
import { account, transfer } from "./bank.ts";

test("bank: a transfer is recorded once, in both accounts or in none", async () => {
  await using engine = await openMemoryEngine();
  expect(await transfer(engine, 60)).toEqual({ Deposited: 160, Withdrawn: 60 });
  await using poor = await openMemoryEngine();
  expect(await transfer(poor, 101)).toEqual({ Deposited: 100 });
});

test("bank: the rules, told as given, when, then", () => {
  const given = specification(account);
  const opened = { type: "Opened", data: { owner: "Ada" } } as const;
  const rules = (): void => {
    given([]).when({ kind: "open", owner: "Ada" }).then([opened]);
    given([opened]).when({ kind: "withdraw", cents: 1 }).thenRejected("too little");
    given([opened, { type: "Deposited", data: { cents: 5 } }])
      .when({ kind: "withdraw", cents: 5 })
      .thenState(0);
  };
  expect(rules).not.toThrow();
});
