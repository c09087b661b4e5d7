import type { ScriptCall } from "../../drivers/redis/mod.ts";
import type { RulePlaces } from "../rule-places.ts";
import { ServerBatch } from "../server-batch.ts";
import type { StoreCall } from "../store.ts";
import { Packed } from "./pack-numbers.ts";

/** What every request of a store has in common. */
export interface RequestSettings {
  readonly prefix: string;
  /** Microseconds to go by in place of the server's time, in digits; "" without. */
  readonly timeUs: string;
  /** Milliseconds that keys outlive what they say. */
  readonly slackMs: number;
}

const packed = new Packed();

/** A batch as a call of the script. */
export interface Request {
  readonly batch: ServerBatch;
  readonly scriptCall: ScriptCall;
}

export function requestOf(
  calls: readonly StoreCall[],
  places: RulePlaces,
  { prefix, timeUs, slackMs }: RequestSettings,
): Request {
  const batch = new ServerBatch(places, packed, calls);
  const body = packed.taken();
  const states = batch.names.map((name) => prefix + name);
  const entryKeys = batch.entryNames.flatMap((name) => [`${prefix}${name}|ends`, `${prefix}${name}|weights`]);
  packed.number(batch.rules.size);
  packed.number(states.length);
  for (const { figures } of batch.rules.keys()) for (const figure of figures) packed.number(figure);
  for (const rule of batch.ruleOfSlot) packed.number(rule);
  const scriptCall: ScriptCall = {
    keys: [`${prefix}time`, ...states, ...entryKeys],
    values: [packed.taken(), body, timeUs, `${slackMs}`],
    replies: "bytes",
  };
  return { batch, scriptCall };
}
