import { RefusedError } from "../engine/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import { attempted } from "./attempts.ts";
import { endOpenChildren, openChildren } from "./children.ts";
import type { StepContext, UndoOptions } from "./context.ts";
import { finish } from "./ending.ts";
import { type Entry, type StopRecord, undoName } from "./entry.ts";
import type { ActiveRun } from "./active-run.ts";
import { mailChange } from "./mailbox.ts";
import type { FinalOutcome } from "./outcome.ts";
import { isConflict } from "./steps.ts";

const conflictsMax = 20;
type Undoable = Extract<Entry, { k: "step" | "close" | "end" }>;

/**
 * Undoes what is done, the latest first. The decision is recorded before the first compensation, and every compensation when it is
 * done, so that a crash in between changes neither the order nor the end. One that fails for good leaves the run to a person.
 */
export async function compensate(execution: ActiveRun, stop: StopRecord): Promise<void> {
  const { journal } = execution;
  if (journal.stopped === undefined && needsWork(execution)) await recordStop(execution, stop);
  await endOpenChildren(execution);
  for (const done of undoables(execution)) {
    if (journal.find("undo", undoName(done)) !== undefined) continue;
    if (execution.isDraining) await execution.abandon();
    if ((await undo(execution, done)) === "stuck") return;
  }
  const compensated = journal.entries.flatMap((entry) =>
    entry.k === "undo" && entry.skip === undefined ? [entry.n] : [],
  );
  await finish(execution, outcomeOf(stop, compensated));
}

function needsWork(execution: ActiveRun): boolean {
  return undoables(execution).length > 0 || openChildren(execution).length > 0;
}

/** What can be undone; of the steps that a person has answered for, those that the code knows how to undo. */
function undoables(execution: ActiveRun): readonly Undoable[] {
  return execution.journal.entries
    .filter((entry): entry is Undoable => {
      if (entry.k === "close" || entry.k === "end") return entry.u === 1;
      return entry.k === "step" && (entry.u === 1 || (entry.p === 1 && execution.undos.has(entry.n)));
    })
    .toReversed();
}

async function recordStop(execution: ActiveRun, stop: StopRecord): Promise<void> {
  const { journal, mailbox } = execution;
  const as = { status: "compensating", attempts: undefined } as const;
  const entry: Entry = { k: "stop", n: "stop", t: execution.nowMs(), s: stop };
  const letters = mailbox.letters.filter((letter) => letter.kind !== "cancel");
  const write = { point: "stop", texts: [JSON.stringify(entry)], as };
  // The cancel leaves the mailbox with the write that obeys it. When other mail came meanwhile it stays, and does no harm any more.
  const changes = letters.length === mailbox.letters.length ? [] : [mailChange(journal, mailbox, letters)];
  const result = await execution.writer.commit({ ...write, changes });
  if (!result.committed) await execution.writer.commit(write);
  journal.header = { ...journal.header, ...as };
}

async function undo(execution: ActiveRun, done: Undoable): Promise<"done" | "stuck"> {
  const undone = undoName(done);
  const options = execution.undos.get(undone);
  const name = `undo:${undone}`;
  const result = await attempted(execution, {
    name,
    key: `${execution.key}/${undone}/undo`,
    plan: options?.retry ?? execution.definition.rules.retry,
    work: async (step) => await undoOnce(execution, done, { step, options }),
  });
  if (result.ok) return "done";
  execution.stuck({ kind: "undo-failed", step: name, error: errorRecord(result.error) });
  return "stuck";
}

async function undoOnce(
  execution: ActiveRun,
  done: Undoable,
  how: { readonly step: StepContext; readonly options: UndoOptions<never> | undefined },
): Promise<void> {
  const { step, options } = how;
  // From the text, because the code may have changed the object it was given.
  const result = structuredClone(done.r) as never;
  const undone = undoName(done);
  const text = JSON.stringify({ k: "undo", n: undone, t: execution.nowMs() } satisfies Entry);
  const point = `undo:${undone}`;
  if (options?.undoCommit === undefined) {
    await options?.undo?.(result, step);
    execution.journal.noteAttempt(point, undefined);
    return void (await execution.writer.append(point, text));
  }
  for (let conflicts = 0; ; conflicts++) {
    const { changes, committed } = await options.undoCommit(result, step);
    const written = await execution.writer.commit({ point, texts: [text], changes });
    committed?.(written);
    if (written.committed) return;
    if (!isConflict(written) || conflicts === conflictsMax) throw new RefusedError(written.refusal);
  }
}

function outcomeOf(stop: StopRecord, compensated: readonly string[]): FinalOutcome {
  return stop.status === "failed"
    ? { status: "failed", failure: stop.failure, compensated }
    : { status: "cancelled", reason: stop.reason, compensated };
}
