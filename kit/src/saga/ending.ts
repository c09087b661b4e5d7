import { EncodeError, jsonCodec } from "../codec/mod.ts";
import { type Change, ChangeError, type CommitResult } from "../engine/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import type { ActiveRun } from "./active-run.ts";
import type { EndText } from "./journal.ts";
import { type Mailbox, mailChange, mailboxOf } from "./mailbox.ts";
import type { FinalOutcome, Problem } from "./outcome.ts";
import { mailCell } from "./run-record.ts";

const unknownVersionMs = 10_000;
const messageLengthMin = 200;
const codec = jsonCodec<unknown>();
const acknowledged = { kind: "ack" } as const;
const released = { kind: "release" } as const;
const none: readonly Change[] = [];

/**
 * Stores the end of the run and gives its message back, in one commit that is refused when mail has come: a cancel that was accepted
 * before the end is obeyed, so that whoever sent it is not told one thing and shown another.
 */
export async function finish(execution: ActiveRun, outcome: FinalOutcome): Promise<void> {
  const { journal, definition } = execution;
  const end = endOf(execution, outcome, definition.rules.keepMs);
  if (end === undefined) return;
  const { status } = outcome;
  // The message of a long run stays until its pages are on their way out.
  const settlement = journal.isLong ? released : acknowledged;
  for (;;) {
    // For this write only: one that follows a refused end must not call a run ended that is not.
    const as = { status, problem: undefined, attempts: undefined, finishedAtMs: execution.nowMs() };
    const changes = [mailChange(journal, execution.mailbox, []), ...wakesOf(execution), ...journal.expire(end.keepMs)];
    let result: CommitResult;
    try {
      result = await execution.writer.commit({ point: "finish", texts: [], changes, settlement, end, as });
    } catch (error) {
      if (!(error instanceof ChangeError)) throw error;
      return execution.stuck({ kind: "not-recordable", error: errorRecord(error) });
    }
    if (result.committed) return execution.end({ kind: "finished", outcome });
    await refreshMail(execution);
    if (status === "completed" && execution.stopRecord !== undefined) return;
  }
}

/** Undefined when the output is not JSON: then the run waits for a person. */
function endOf(execution: ActiveRun, outcome: FinalOutcome, keepMs: number): EndText | undefined {
  if (outcome.status !== "completed" || outcome.output === undefined)
    return { outcomeJson: JSON.stringify(outcome), outputJson: undefined, keepMs };
  try {
    const outputJson = codec.encode(outcome.output);
    return { outcomeJson: `{"status":"completed","output":${outputJson}}`, outputJson, keepMs };
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    execution.stuck({ kind: "not-recordable", error: errorRecord(error) });
    return undefined;
  }
}

function wakesOf(execution: ActiveRun): readonly Change[] {
  const { parent } = execution.journal.header;
  if (parent === undefined && execution.mailbox.letters.length === 0) return none;
  const watchers = execution.mailbox.letters.flatMap((letter) => (letter.kind === "watch" ? [letter.waiter] : []));
  return [...(parent === undefined ? [] : [parent]), ...watchers].map(({ queue, messageId }) => ({
    op: "wake",
    queue,
    ids: [messageId],
  }));
}

/** Lets the run sleep in the store until its next wait is due or somebody wakes it. */
export async function park(execution: ActiveRun): Promise<void> {
  const { journal, waits, writer } = execution;
  const status = execution.phase === "undoing" ? "compensating" : "waiting";
  const dueAtMs = waits.earliestDueMs();
  const delayMs = dueAtMs === undefined ? undefined : Math.max(0, dueAtMs - execution.nowMs());
  // A letter that came before the run's message was known to its sender has woken nobody: the park is refused and looks again.
  const changes = [mailChange(journal, execution.mailbox, execution.mailbox.letters)];
  const result = await writer.commit({
    point: "park",
    texts: [],
    changes,
    settlement: { kind: "park", delayMs },
    as: { status },
  });
  if (result.committed) execution.end({ kind: "parked" });
  else await refreshMail(execution);
}

/** Gives the run back, to be taken up at once by whoever has room. */
export async function release(execution: ActiveRun): Promise<void> {
  await execution.writer.commit({ point: "release", texts: [], settlement: released });
  execution.end({ kind: "released" });
}

/** Parks the run until a person has decided. */
export async function standStill(execution: ActiveRun, problem: Problem): Promise<void> {
  // A process that knows the version may yet come: until then somebody looks from time to time.
  const delayMs = problem.kind === "unknown-version" ? unknownVersionMs : undefined;
  const store = async (problem: Problem): Promise<unknown> =>
    await execution.writer.commit({
      point: "attention",
      texts: [],
      settlement: { kind: "park", delayMs },
      as: { status: "needs-attention", problem },
    });
  try {
    await store(problem);
  } catch (error) {
    if (!(error instanceof ChangeError)) throw error;
    await store(inShort(problem)); // what fills the record leaves little room for what is wrong with it
  }
  execution.end({ kind: "stuck", problem });
}

function inShort(problem: Problem): Problem {
  const { name, message } = problem.error;
  return { ...problem, error: { name, message: message.slice(0, messageLengthMin) } };
}

/** Looks at the mailbox again, after a write that expected another one was refused. */
export async function refreshMail(execution: ActiveRun): Promise<Mailbox> {
  const { journal } = execution;
  const [cell] = await execution.host.cells([mailCell(journal.saga, journal.id)]);
  const mailbox = mailboxOf(cell, journal.header);
  execution.mailbox = mailbox;
  execution.mailArrived(mailbox);
  return mailbox;
}
