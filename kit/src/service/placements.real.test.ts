import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { exerciseContract, type OpenedContract } from "../contract/conformance/mod.ts";
import { accounts, bank } from "./bank.test-program.ts";
import { run } from "./run.ts";

// One suite made from the contract, over every way in which its service can run.
const placements = [
  { name: "in one process", flags: [] },
  { name: "as if remote", flags: ["--as-if-remote", "3"] },
  { name: "in another process", flags: ["--spread"] },
];

function opened(flags: readonly string[]): () => Promise<OpenedContract> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "placement-"));
    const argv = [...flags, "--data", folder];
    const module = join(import.meta.dirname, "bank.test-program.ts");
    const running = await run(bank, { argv, env: {}, module, signals: "leave", log: () => undefined });
    return {
      dispatcher: running.dispatcher,
      async dispose() {
        await running[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  };
}

describe.for(placements)("$name", ({ flags }) => {
  exerciseContract(accounts, {
    test,
    open: opened(flags),
    examples: {
      add: {
        good: () => ({ account: "ada", amount: 5 }),
        refused: { overdrawn: () => ({ account: "ada", amount: -1_000 }) },
      },
      total: { good: () => ({}) },
    },
  });
});
