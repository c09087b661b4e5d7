import { type Change, type Engine, RefusedError } from "../engine/mod.ts";
import { textOf } from "../errors/mod.ts";
import type { AnySaga } from "./context.ts";
import { RunNotFoundError, SagaUsageError } from "./errors.ts";
import { inspectRun } from "./inspect.ts";
import { changingText, fixedText, pageCell, queueOf, recordText, type RunHeader, runCell } from "./run-record.ts";

/** Where a fork leaves the old run. */
export interface ForkOptions {
  /** The first operation to run anew, by its name in the journal (`charge`, `sleep:pause`, `retry#2`). */
  readonly fromStep: string;
  readonly newId: string;
}

/** Starts a new run of `definition` that has everything recorded before `fromStep` behind it. Keys of its steps carry the new id. */
export async function forkRun(
  engine: Engine,
  definition: AnySaga,
  fork: ForkOptions & { readonly id: string },
): Promise<void> {
  textOf("newId", fork.newId, { lengthMax: 400 });
  const report = await inspectRun(engine, definition.name, fork.id);
  if (report === undefined) throw new RunNotFoundError(definition.name, fork.id);
  const { entries, input, state, seed } = report.journal;
  const cut = entries.findIndex((entry) => entry.n === fork.fromStep);
  if (cut < 0)
    throw new SagaUsageError(`run "${fork.id}" of saga "${definition.name}" has no record of "${fork.fromStep}"`);
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
  const kept = entries.slice(0, cut).map((entry) => JSON.stringify(entry));
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
