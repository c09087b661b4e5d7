import process from "node:process";
import { hash32 } from "../../codec/mod.ts";

const variable = "ASHLAR_CRASH_SCHEMAS";

/** Says to this process, and to all that it starts, how the names of their schemas begin. */
export function nameSchemas(start: string): void {
  process.env[variable] = start;
}

/** The schema that stands for a folder. */
export function schemaOf(folder: string): string {
  return `${process.env[variable] ?? "crash"}_${hash32(folder)}`;
}
