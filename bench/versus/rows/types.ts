import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Figure, type Row } from "../frame.ts";

// As many services as make inference-heavy styles hurt; each call is declared with its schemas, implemented, and used once.
const services = 40;
const calls = 10;

const input = `z.object({ id: z.string(), note: z.string().optional(), quantity: z.number() })`;
const output = `z.object({ id: z.string(), state: z.enum(["new", "paid", "sent"]), items: z.array(z.object({ sku: z.string(), quantity: z.number() })) })`;
const answer = `({ id: "a", state: "new" as const, items: [{ sku: "s", quantity: input.quantity }] })`;

/** One service, as the files of it. */
type Writer = (service: number) => Readonly<Record<string, string>>;

function each(write: (index: number) => string): string {
  return Array.from({ length: calls }, (_, index) => write(index)).join("\n");
}

const ashlar: Writer = (n) => ({
  [`contract-${n}.ts`]: `import { z } from "zod"; import { call, contract } from "ashlar/contract";
export const s = contract("s${n}", { calls: { ${each((c) => `c${c}: call({ input: ${input}, output: ${output} }),`)} } });`,
  [`service-${n}.ts`]: `import { implement } from "ashlar/service"; import { s } from "./contract-${n}.ts";
export default implement(s)({ calls: { ${each((c) => `c${c}: ({ input }) => ${answer},`)} } });`,
  [`use-${n}.ts`]: `import type { Client } from "ashlar/contract"; import type { s } from "./contract-${n}.ts";
export async function use(client: Client<typeof s>) { ${each((c) => `const r${c} = await client.c${c}({ id: "x", quantity: 1 }); const p${c}: number | undefined = r${c}.items[0]?.quantity;`)} return [${each((c) => `p${c},`)}]; }`,
});

const trpc: Writer = (n) => ({
  [`service-${n}.ts`]: `import { z } from "zod"; import { initTRPC } from "@trpc/server"; const t = initTRPC.create();
export const s = t.router({ ${each((c) => `c${c}: t.procedure.input(${input}).output(${output}).mutation(({ input }) => ${answer}),`)} });`,
  [`use-${n}.ts`]: `import { createTRPCClient, httpLink } from "@trpc/client"; import type { s } from "./service-${n}.ts";
const client = createTRPCClient<typeof s>({ links: [httpLink({ url: "http://localhost" })] });
export async function use() { ${each((c) => `const r${c} = await client.c${c}.mutate({ id: "x", quantity: 1 }); const p${c}: number | undefined = r${c}.items[0]?.quantity;`)} return [${each((c) => `p${c},`)}]; }`,
});

const hono: Writer = (n) => ({
  [`service-${n}.ts`]: `import { z } from "zod"; import { Hono } from "hono"; import { validator } from "hono/validator";
export const s = new Hono()${each((c) => `.post("/c${c}", validator("json", (value) => ${input}.parse(value)), (c) => { const input = c.req.valid("json"); return c.json(${output}.parse(${answer})); })`)};`,
  [`use-${n}.ts`]: `import { hc } from "hono/client"; import type { s } from "./service-${n}.ts";
const client = hc<typeof s>("http://localhost");
export async function use() { ${each((c) => `const r${c} = await (await client.c${c}.$post({ json: { id: "x", quantity: 1 } })).json(); const p${c}: number | undefined = r${c}.items[0]?.quantity;`)} return [${each((c) => `p${c},`)}]; }`,
});

function instantiationsOf(write: Writer): number {
  const root = join(import.meta.dirname, "../../..");
  const cache = join(import.meta.dirname, "../node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "types-"));
  try {
    for (let service = 0; service < services; service += 1)
      for (const [name, text] of Object.entries(write(service))) writeFileSync(join(folder, name), text);
    const config = {
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        types: ["node"],
        typeRoots: [join(root, "node_modules/@types")],
        isolatedDeclarations: false,
        declaration: false,
      },
      include: ["*.ts"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const words = [
      join(root, "node_modules/typescript/bin/tsc"),
      "-p",
      folder,
      "--extendedDiagnostics",
      "--singleThreaded",
    ];
    const { stdout } = spawnSync(process.execPath, words, { encoding: "utf8", maxBuffer: 1e8 });
    const fault = /error TS.*/.exec(stdout)?.[0];
    if (fault !== undefined) throw new Error(fault);
    return Number(/Instantiations:\s+([\d,]+)/.exec(stdout)?.[1]?.replaceAll(",", "")) / (services * calls);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function figure(name: string, write: Writer): () => Promise<Figure> {
  return () => Promise.resolve({ name, durability: "memory", value: instantiationsOf(write) });
}

export const types: Row = {
  path: "type checker, a call declared, implemented and used",
  better: "lower",
  unit: "instantiations",
  bar: 2_000,
  limitName: "",
  ours: figure("Ashlar, contract, handler, client", ashlar),
  rivals: [figure("tRPC 11, router and client", trpc), figure("Hono 4.13, routes and client", hono)],
};
