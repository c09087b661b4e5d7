import { expect, test } from "vitest";
import { RetryBudget } from "./retry-budget.ts";

test("retries are at most a part of the calls, beyond a reserve for quiet times", () => {
  const budget = new RetryBudget(0.2, 10);
  let granted = 0;
  for (let call = 0; call < 100; call++) {
    budget.called();
    while (budget.take() === "granted") granted++;
  }
  expect(granted).toBe(30 - 1);
});
