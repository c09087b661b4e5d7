import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

// Sixty services of ten calls, each declared with an error, implemented and used once: the size at which inference-heavy styles hurt.
const services = 60;
const calls = 10;
const instantiationsMax = 2_000;

const input = `z.object({ id: z.string(), note: z.string().optional(), quantity: z.number() })`;
const output = `z.object({ id: z.string(), state: z.enum(["new", "paid", "sent"]), items: z.array(z.object({ sku: z.string(), quantity: z.number() })) })`;
const errors = `{ refused: failure({ title: "refused", data: z.object({ why: z.string() }) }) }`;

function each(count: number, write: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => write(index)).join("\n");
}

function filesOf(service: number): Record<string, string> {
  return {
    [`contract-${service}.ts`]: `import { z } from "zod"; import { call, contract, failure } from "ashlar/contract";
export const s = contract("s${service}", { calls: { ${each(calls, (c) => `c${c}: call({ input: ${input}, output: ${output}, errors: ${errors} }),`)} } });`,
    [`service-${service}.ts`]: `import { implement } from "ashlar/service"; import { s } from "./contract-${service}.ts";
export default implement(s)({ calls: { ${each(calls, (c) => `c${c}: ({ input, fail }) => { if (input.quantity > 5) throw fail.refused({ why: input.id }); return { id: "a", state: "new", items: [{ sku: "s", quantity: 1 }] }; },`)} } });`,
    [`use-${service}.ts`]: `import type { Client } from "ashlar/contract"; import type { s } from "./contract-${service}.ts";
export async function use(client: Client<typeof s>) { ${each(calls, (c) => `const r${c} = await client.c${c}({ id: "x", quantity: 1 }); const p${c}: number | undefined = r${c}.items[0]?.quantity;`)} return [${each(calls, (c) => `p${c},`)}]; }`,
  };
}

test("a call costs the type checker at most 2,000 instantiations, from its declaration to its use", () => {
  const root = join(import.meta.dirname, "../../..");
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true });
  const folder = mkdtempSync(join(root, "node_modules/.cache/type-cost-"));
  try {
    for (let service = 0; service < services; service++) {
      for (const [name, text] of Object.entries(filesOf(service))) writeFileSync(join(folder, name), text);
    }
    const config = { extends: join(root, "tsconfig.json"), compilerOptions: { types: ["node"] }, include: ["*.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    // One checker: several would each repeat what they share, and count it again.
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const words = [tsc, "-p", folder, "--extendedDiagnostics", "--singleThreaded"];
    const { stdout } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect(stdout.match(/error TS.*/)?.[0]).toBeUndefined();
    const total = Number(/Instantiations:\s+([\d,]+)/.exec(stdout)?.[1]?.replaceAll(",", ""));
    expect(total).toBeGreaterThan(0);
    expect(total / (services * calls)).toBeLessThanOrEqual(instantiationsMax);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
