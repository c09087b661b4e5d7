import type { RedisScript, ScriptCall } from "../../drivers/redis/mod.ts";
import { Bucket } from "../bucket.ts";
import type { RulePlaces } from "../rule-places.ts";
import { type CallSink, ServerBatch } from "../server-batch.ts";
import type { StoreCall } from "../store.ts";
import { bucketScript } from "./bucket-script.ts";
import { decideScript } from "./script.ts";

/** What every request of a store has in common. */
export interface RequestSettings {
  readonly prefix: string;
  /** Microseconds to go by in place of the server's time; false without. */
  readonly timeUs: number | false;
  /** Milliseconds that keys outlive what they say. */
  readonly slackMs: number;
}

/** A batch as a call of a script. */
export interface Request {
  readonly batch: ServerBatch;
  readonly script: RedisScript;
  readonly scriptCall: ScriptCall;
}

export function requestOf(
  calls: readonly StoreCall[],
  places: RulePlaces,
  { prefix, timeUs, slackMs }: RequestSettings,
): Request {
  const written = new Written();
  const batch = new ServerBatch(places, written, calls);
  const keys = [`${prefix}time`];
  for (const name of batch.names) keys.push(prefix + name);
  for (const name of batch.entryNames) keys.push(`${prefix}${name}|ends`, `${prefix}${name}|weights`);
  const plan = [batch.rules.size, batch.names.length];
  for (const { figures } of batch.rules.keys()) plan.push(...figures);
  plan.push(...batch.ruleOfSlot);
  // One text: bytes would make the client library write a command in pieces, which costs the system more than the server saves in reading them.
  const values = [JSON.stringify([timeUs, slackMs, plan, written.items])];
  const script = isOfBuckets(batch, calls) ? bucketScript : decideScript;
  return { batch, script, scriptCall: { keys, values, replies: "bytes" } };
}

/** Whether they are takes and peeks of one bucket each. */
function isOfBuckets(batch: ServerBatch, calls: readonly StoreCall[]): boolean {
  for (const { algorithm } of batch.rules.keys()) if (!(algorithm instanceof Bucket)) return false;
  return calls.every(({ op, targets }) => targets.length === 1 && (op === "take" || op === "peek"));
}

/** Numbers and texts one after another. */
class Written implements CallSink {
  readonly items: (number | string)[] = [];

  number(value: number): void {
    this.items.push(value);
  }

  text(value: string): void {
    // The server's decoder refuses half a character.
    this.items.push(value.toWellFormed());
  }
}
