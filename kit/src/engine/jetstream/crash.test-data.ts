import process from "node:process";
import { hash32 } from "../../codec/mod.ts";

const urlVariable = "ASHLAR_CRASH_NATS";

/** Says to this process, and to all that it starts, where their server is. */
export function nameServer(url: string): void {
  process.env[urlVariable] = url;
}

/** Where the data that stands for a folder is. */
export function dataOf(folder: string): { readonly url: string; readonly stream: string } {
  return { url: process.env[urlVariable] ?? "", stream: `crash-${hash32(folder)}` };
}
