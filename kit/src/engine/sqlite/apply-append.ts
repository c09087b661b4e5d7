import type { Append } from "../change.ts";
import type { Outcome, Refusal } from "../commit-result.ts";
import { StorageError } from "../errors.ts";
import { streamIsAs } from "../expectation.ts";
import { slotOf } from "../slot.ts";
import { positionsMax } from "./schema.ts";
import type { Work } from "./work.ts";

export function judgeAppend({ heads }: Work, { log: name, stream, expected }: Append): Refusal | undefined {
  if (expected === "any") return undefined;
  const log = heads.findLog(name);
  const actual = log === undefined ? 0 : heads.version(log, stream);
  if (streamIsAs(expected, actual)) return undefined;
  return { kind: "version-conflict", log: name, stream, expected, actual };
}

/** Appends under the next positions of the log; its row is locked by the transaction, so that positions have no gaps. */
export function applyAppend(work: Work, { log: name, stream, events }: Append): Outcome {
  const { heads, nowMs } = work;
  const log = heads.log(name);
  const slot = slotOf(stream);
  const first = log.id * positionsMax;
  let version = heads.version(log, stream);
  if (log.head + events.length >= positionsMax) throw new StorageError("full", `log "${name}" has no positions left`);
  log.recordedAtMs = Math.max(log.recordedAtMs, nowMs);
  for (const { type, schema = 1, data, meta } of events) {
    version++;
    log.head++;
    work.events.add(
      first + log.head,
      log.id,
      stream,
      version,
      slot,
      schema,
      log.recordedAtMs,
      type,
      meta ?? null,
      data,
    );
  }
  heads.setVersion(log, stream, version);
  heads.touch(log);
  work.topics.addLog(name);
  return { op: "append", version, position: log.head };
}
