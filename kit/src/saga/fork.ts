import { type Change, type Engine, RefusedError } from "../engine/mod.ts";
import { textOf } from "../errors/mod.ts";
import type { AnySaga } from "./context.ts";
import { RunNotFoundError, SagaUsageError } from "./errors.ts";
import { type Entry, undoName } from "./entry.ts";
import { inspectRun } from "./inspect.ts";
import { isFinal } from "./outcome.ts";
import { changingText, fixedText, pageCell, queueOf, recordText, type RunHeader, runCell } from "./run-record.ts";

/** Where a fork leaves the old run. */
export interface ForkOptions {
  /** The first operation to run anew, by its name in the journal (`charge`, `sleep:pause`, `retry#2`). */
  readonly fromStep: string;
  readonly newId: string;
}

/**
 * Starts a new run of `definition` that has everything recorded before `fromStep` behind it. Keys of its steps carry the new id.
 * Throws {@link SagaUsageError} when something that the fork would take for done has been undone.
 */
export async function forkRun(
  engine: Engine,
  definition: AnySaga,
  fork: ForkOptions & { readonly id: string },
): Promise<void> {
  textOf("newId", fork.newId, { lengthMax: 400 });
  const report = await inspectRun(engine, definition.name, fork.id);
  if (report === undefined) throw new RunNotFoundError(definition.name, fork.id);
  const { entries, input, state, seed } = report.journal;
  const run = `run "${fork.id}" of saga "${definition.name}"`;
  const cut = entries.findIndex((entry) => entry.n === fork.fromStep);
  if (cut < 0) throw new SagaUsageError(`${run} has no record of "${fork.fromStep}"`);
  if (!isFinal(report.status) && entries.some((entry) => entry.k === "stop"))
    throw new SagaUsageError(`${run} is being compensated: it can be forked when that has ended`);
  refuseUndone(run, entries, cut);
  const header: RunHeader = {
    version: definition.version,
    status: "running",
    startedAtMs: engine.clock.now(),
    seed,
    input,
    inputApart: 1,
    state,
    tags: [...report.tags, `fork:${fork.id}`],
  };
  const inputText = JSON.stringify(input) ?? "null";
  const kept = keptOf(entries.slice(0, cut)).map((entry) => JSON.stringify(entry));
  const changes: readonly Change[] = [
    {
      op: "put",
      cell: runCell(definition.name, fork.newId),
      expect: "absent",
      value: recordText(fixedText(header, inputText) + changingText(header), kept.join(",")),
    },
    {
      op: "put",
      cell: pageCell(definition.name, fork.newId, "input"),
      expect: "any",
      value: inputText,
    },
    { op: "enqueue", queue: queueOf(definition.name), messages: [{ body: fork.newId }] },
  ];
  const result = await engine.commit(changes);
  if (!result.committed) throw new RefusedError(result.refusal);
}

/** A child that was undone counts wherever it stands: the fork would ask for it by the same id, and get its old end. */
function refuseUndone(run: string, entries: readonly Entry[], cut: number): void {
  const undone = new Set(entries.flatMap((entry) => (entry.k === "undo" && entry.skip === undefined ? [entry.n] : [])));
  for (const [index, entry] of entries.entries()) {
    const isChild = entry.k === "close" || entry.k === "end";
    if ((entry.k !== "step" && !isChild) || !undone.has(undoName(entry))) continue;
    if (isChild) throw new SagaUsageError(`${run} cannot be forked: its child "${undoName(entry)}" was undone`);
    if (index < cut)
      throw new SagaUsageError(`${run} cannot be forked behind "${entry.n}", which was undone: fork it from there`);
  }
}

/**
 * What the fork takes over. Children that are open wake the old run and belong to it: the fork asks for those that it waits for anew,
 * and leaves those alone that have lost a race.
 */
function keptOf(entries: readonly Entry[]): readonly Entry[] {
  const winners = new Map(entries.flatMap((entry) => (entry.k === "close" ? [[entry.n, entry.b] as const] : [])));
  return entries.flatMap((entry): readonly Entry[] => {
    if (entry.k === "stop" || entry.k === "undo" || entry.k === "end") return [];
    if (entry.k !== "open" || entry.child === undefined) return [entry];
    const winner = winners.get(entry.n);
    if (winner === undefined) return [];
    const child = entry.child[winner];
    return [{ ...entry, child: child === undefined ? {} : { [winner]: child } }];
  });
}
