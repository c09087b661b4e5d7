import process from "node:process";
import { hash32 } from "../codec/mod.ts";

type Kept = "POSTGRES" | "REDIS" | "NATS";

/** Says to this process, and to all that it starts, where the data of their crash tests is. */
export function tellPlace(kept: Kept, place: string): void {
  process.env[`ASHLAR_CRASH_${kept}`] = place;
}

/** What was said. */
export function toldPlace(kept: Kept): string {
  return process.env[`ASHLAR_CRASH_${kept}`] ?? "";
}

/** The data there that stands for a folder. */
export function crashName(folder: string): string {
  return `crash_${hash32(folder)}`;
}
