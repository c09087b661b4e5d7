import type { Discard, Redrive, Wake } from "../change.ts";
import type { Outcome } from "../commit-result.ts";
import { messageNumber } from "../validate-request.ts";
import type { Held } from "./apply-settle.ts";
import { arrive, leaveGate } from "./gate.ts";
import { dead, delayed, ready, running, waiting } from "./schema.ts";
import type { MessageRow, Work } from "./work.ts";

/** Carries out a change that names messages; ids that are unknown, repeated or in another state count nothing. */
export function moveByIds(work: Work, change: Wake | Redrive | Discard): Outcome {
  const queue = work.heads.findQueue(change.queue);
  let count = 0;
  work.messages.flush();
  if (queue !== undefined) {
    for (const id of new Set(change.ids)) {
      const number = messageNumber(id);
      const message =
        number === undefined ? undefined : (work.sql.message.get(number, queue.id) as MessageRow | undefined);
      if (message !== undefined && move(work, change, { queue, message })) count++;
    }
  }
  if (count > 0) work.topics.addQueue(change.queue);
  return { op: change.op, count };
}

function move(work: Work, change: Wake | Redrive | Discard, held: Held): boolean {
  switch (change.op) {
    case "wake":
      return wake(work, held);
    case "redrive":
      return redrive(work, held, change.keyConcurrency);
    case "discard":
      return discard(work, held, change.state);
    default:
      throw new Error(`unknown move ${JSON.stringify(change satisfies never)}`);
  }
}

function wake(work: Work, { queue, message }: Held): boolean {
  if (message.state === running) {
    work.sql.markWoken.run(message.id);
    return true;
  }
  if (message.state !== delayed) return false;
  work.sql.mature.run(work.heads.nextSeq(), message.id);
  work.heads.count(queue, delayed, ready);
  return true;
}

function redrive(work: Work, { queue, message }: Held, concurrency: number | undefined): boolean {
  if (message.state !== dead) return false;
  const seq = work.heads.nextSeq();
  const state = arrive(work, queue, { key: message.key ?? undefined, dueAtMs: undefined, concurrency });
  work.sql.redrive.run(state, message.key !== null && state !== waiting ? 1 : 0, seq, message.id);
  work.heads.count(queue, dead, state);
  return true;
}

function discard(work: Work, { queue, message }: Held, only: "dead" | undefined): boolean {
  if (message.state === running || (only === "dead" && message.state !== dead)) return false;
  work.sql.remove.run(message.id);
  work.heads.count(queue, message.state, undefined);
  if (message.state !== waiting && message.state !== dead) leaveGate(work, queue, message.key);
  return true;
}
