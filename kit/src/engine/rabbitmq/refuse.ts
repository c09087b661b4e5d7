import { UnsupportedError } from "../../errors/mod.ts";
import type { Change, Enqueue } from "../change.ts";
import type { NewMessage } from "../message.ts";
import { delayMsMax } from "./ladder.ts";

const by = "engine rabbitmq";

/** Throws UnsupportedError for what a queue of the broker cannot keep, with what to do instead. */
export function refuseBeyond(changes: readonly Change[], lanes: number): void {
  if (changes.length > 1)
    throw new UnsupportedError(
      "a commit of several changes",
      by,
      "commit them one by one, or use an engine on a database",
    );
  for (const change of changes) refuseChange(change, lanes);
}

function refuseChange(change: Change, lanes: number): void {
  switch (change.op) {
    case "wake":
    case "discard":
    case "redrive":
      throw new UnsupportedError(
        `"${change.op}" by id`,
        by,
        "the broker finds no message by its id; see redriveDead for dead letters",
      );
    case "flow":
      throw new UnsupportedError('"flow"', by, "stop the workers instead: messages wait in the queue");
    case "enqueue":
      return refuseEnqueue(change, lanes);
    case "settle":
      if (change.as.kind === "retry") return refuseDelay(change.as.delayMs);
      if (change.as.kind !== "park") return;
      if (change.as.delayMs === undefined)
        throw new UnsupportedError("to park without end", by, "only a wake could end it; park with a delay");
      return refuseDelay(change.as.delayMs);
    default:
  }
}

function refuseEnqueue({ messages }: Enqueue, lanes: number): void {
  for (const message of messages) refuseMessage(message, lanes);
}

function refuseMessage(message: NewMessage, lanes: number): void {
  if (message.key !== undefined)
    throw new UnsupportedError("a key", by, "order by key needs an engine on a database, Redis or JetStream");
  if (message.dedup !== undefined)
    throw new UnsupportedError("dedup", by, "let the receiver tell repeats by id, with an inbox on a database");
  if (message.claimForMs !== undefined) throw new UnsupportedError("claimForMs", by, "add the message and claim it");
  if ((message.lane ?? 0) >= lanes)
    throw new UnsupportedError(
      `lane ${message.lane}`,
      by,
      `it was opened with lanes: ${lanes}; open it with more in all processes`,
    );
  if (message.delayMs !== undefined) refuseDelay(message.delayMs);
}

/** Throws UnsupportedError for a delay that the ladder does not reach. */
export function refuseDelay(delayMs: number): void {
  if (delayMs > delayMsMax)
    throw new UnsupportedError(
      `a delay of ${delayMs} ms`,
      by,
      `the longest is ${delayMsMax} ms; keep longer ones in a schedule on an engine with cells`,
    );
}
