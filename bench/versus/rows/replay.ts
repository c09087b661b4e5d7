import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream, existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";

import { inFolder, type Figure, type Row } from "../frame.ts";

const root = resolve(import.meta.dirname, "../../..");
const data = process.env["ASHLAR_DATA"] ?? resolve(root, "../shared/data");
const file = join(data, "orders-uci/orders-2010-12.csv.gz");

/** What `npm run shop` runs. */
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { shop: string } };
const shop = scripts.shop.split(" ").slice(1);

interface Replay {
  readonly orders: number;
  readonly ordersPerSecond: number;
  readonly peakMebibytes: number;
  readonly commitShare: string;
}

/** Beyond all numbers of invoices in the file. */
const numbersApart = 10_000;

/** Writes the file `copies` times with other invoice numbers and later years, so that each copy is new orders. */
async function multiply(target: string, copies: number): Promise<void> {
  const out = createWriteStream(target);
  for (let copy = 0; copy < copies; copy += 1) {
    const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()) });
    let first = true;
    for await (const line of lines) {
      const header = first;
      first = false;
      if (header && copy > 0) continue;
      const text = header
        ? line
        : line
            .replace(/^([CA]?)(\d+)/, (_, kind: string, number) => `${kind}${Number(number) + copy * numbersApart}`)
            .replace(",2010-", `,${2010 + copy}-`);
      if (!out.write(`${text}\n`)) await once(out, "drain");
    }
  }
  out.end();
  await once(out, "finish");
}

async function replayOnce(path: string, folder: string): Promise<Replay> {
  const args = [...shop, "replay", path, "--data", folder, "--json"];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let peak = 0;
  const watch = setInterval(() => {
    const status = existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, "utf8") : "";
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
  }, 50);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  clearInterval(watch);
  if (code !== 0) throw new Error(`the replay ended with status ${code}: ${errors.slice(-500)}`);
  const summary = JSON.parse(output.trim().split("\n").at(-1) ?? "") as {
    orders: { placed: number };
    ordersPerSecond: number;
  };
  const commitShare =
    /(\d+(?:\.\d+)?) ?%[^\n]*commit|commit[^\n]*?(\d+(?:\.\d+)?) ?%/i
      .exec(output + errors)
      ?.slice(1)
      .find(Boolean) ?? "?";
  return {
    orders: summary.orders.placed,
    ordersPerSecond: summary.ordersPerSecond,
    peakMebibytes: Math.round(peak / 1024),
    commitShare,
  };
}

export const replay: Row = {
  path: "replay of orders-2010-12.csv.gz through order sagas",
  better: "higher",
  unit: "orders/s",
  bar: 1000,
  limitName: "",
  ours: () =>
    inFolder(async (folder): Promise<Figure> => {
      if (!existsSync(file)) throw new Error(`skipped: ${file} is not here; set ASHLAR_DATA`);
      const once = await replayOnce(file, join(folder, "1x"));
      const peaks = [`peak memory ${once.peakMebibytes} MiB for 1x`];
      for (const copies of [4, 16]) {
        const longer = join(folder, `${copies}.csv`);
        await multiply(longer, copies);
        const { peakMebibytes, ordersPerSecond } = await replayOnce(longer, join(folder, `${copies}x`));
        peaks.push(`${peakMebibytes} MiB for ${copies}x (${Math.round(ordersPerSecond)} orders/s)`);
      }
      const memory = peaks.join(", ");
      return {
        name: `Ashlar shop; ${memory}; ${once.commitShare} % of the time in commits`,
        durability: "process",
        value: once.ordersPerSecond,
      };
    }),
};
