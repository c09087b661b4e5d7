import { EncodeError, jsonCodec } from "../codec/mod.ts";
import { type Change, ChangeError, type CommitResult } from "../engine/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import type { ActiveRun } from "./active-run.ts";
import type { Write } from "./fenced-writer.ts";
import { type Mailbox, mailChange, mailboxOf } from "./mailbox.ts";
import type { FinalOutcome, Problem } from "./outcome.ts";
import { mailCell } from "./run-record.ts";

const unknownVersionMs = 10_000;
const codec = jsonCodec<unknown>();

/**
 * Stores the end of the run and gives its message back, in one commit that is refused when mail has come: a cancel that was accepted
 * before the end is obeyed, so that whoever sent it is not told one thing and shown another.
 */
export async function finish(execution: ActiveRun, outcome: FinalOutcome): Promise<void> {
  const { journal, definition } = execution;
  if (outcome.status === "completed" && !isRecordable(execution, outcome.output)) return;
  for (;;) {
    const { status } = outcome;
    const finishedAtMs = execution.nowMs();
    journal.header = { ...journal.header, status, outcome, finishedAtMs, problem: undefined, attempts: undefined };
    const { keepMs } = definition.rules;
    const changes = [mailChange(journal, execution.mailbox, []), ...wakesOf(execution), ...journal.expire(keepMs)];
    const result = await stored(execution, {
      point: "finish",
      texts: [],
      changes,
      settlement: { kind: "ack" },
      expiresInMs: keepMs,
    });
    if (result === undefined) return;
    if (result.committed) return execution.end({ kind: "finished", outcome });
    await refreshMail(execution);
    if (status === "completed" && execution.stopRecord !== undefined) return;
  }
}

/** Undefined when the end cannot be stored at all, because it is too large. */
async function stored(execution: ActiveRun, write: Write): Promise<CommitResult | undefined> {
  try {
    return await execution.writer.commit(write);
  } catch (error) {
    if (!(error instanceof ChangeError)) throw error;
    const { outcome: _, finishedAtMs: __, ...header } = execution.journal.header;
    execution.journal.header = header;
    execution.stuck({ kind: "not-recordable", error: errorRecord(error) });
    return undefined;
  }
}

function isRecordable(execution: ActiveRun, output: unknown): boolean {
  try {
    codec.encode(output);
    return true;
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    execution.stuck({ kind: "not-recordable", error: errorRecord(error) });
    return false;
  }
}

function wakesOf(execution: ActiveRun): readonly Change[] {
  const { parent } = execution.journal.header;
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
  journal.header = { ...journal.header, status };
  const dueAtMs = waits.earliestDueMs();
  const delayMs = dueAtMs === undefined ? undefined : Math.max(0, dueAtMs - execution.nowMs());
  // A letter that came before the run's message was known to its sender has woken nobody: the park is refused and looks again.
  const changes = [mailChange(journal, execution.mailbox, execution.mailbox.letters)];
  const result = await writer.commit({ point: "park", texts: [], changes, settlement: { kind: "park", delayMs } });
  if (result.committed) execution.end({ kind: "parked" });
  else await refreshMail(execution);
}

/** Gives the run back, to be taken up at once by whoever has room. */
export async function release(execution: ActiveRun): Promise<void> {
  await execution.writer.commit({ point: "release", texts: [], settlement: { kind: "release" } });
  execution.end({ kind: "released" });
}

/** Parks the run until a person has decided. */
export async function standStill(execution: ActiveRun, problem: Problem): Promise<void> {
  const { journal, writer } = execution;
  journal.header = { ...journal.header, status: "needs-attention", problem };
  // A process that knows the version may yet come: until then somebody looks from time to time.
  const delayMs = problem.kind === "unknown-version" ? unknownVersionMs : undefined;
  await writer.commit({ point: "attention", texts: [], settlement: { kind: "park", delayMs } });
  execution.end({ kind: "stuck", problem });
}

/** Looks at the mailbox again, after a write that expected another one was refused. */
export async function refreshMail(execution: ActiveRun): Promise<Mailbox> {
  const { journal } = execution;
  const [cell] = await execution.host.cells([mailCell(journal.saga, journal.id)]);
  const mailbox = mailboxOf(cell);
  execution.mailbox = mailbox;
  execution.mailArrived(mailbox);
  return mailbox;
}
