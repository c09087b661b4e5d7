import type { RunReport } from "ashlar/saga";
import { checkEffects, type Violation } from "ashlar/simulation/checkers";
import { type BedEngine, broken, refuse } from "./bed.ts";
import type { SagaHistory, Script } from "./saga-history.ts";

interface Ended {
  readonly engine: BedEngine;
  readonly scripts: readonly Script[];
  readonly reports: readonly (RunReport | undefined)[];
  /** What the steps within the engine have booked and not taken back. */
  readonly booked: number;
}

/** Everything that the README of ashlar/saga promises, over what was seen and what the engine holds at the end. */
export async function checkSagas(history: SagaHistory, ended: Ended): Promise<void> {
  refuse([
    ...allEnded(history, ended),
    ...undoneInReverse(history, ended),
    ...effectsFitRecords(history, ended),
    ...atMostOnce(history),
    ...signalsOnce(history),
    ...bookedOnce(ended),
    ...(history.isTimeSound ? broken("saga: repeated", "a recorded step began again", history.repeated) : []),
    ...(await rowsOnce(ended)),
  ]);
}

function allEnded({ outcomes }: SagaHistory, { reports, scripts }: Ended): readonly Violation[] {
  const wrong = reports.filter((report) => report === undefined || report.status !== outcomes.get(report.id)?.status);
  const completed = scripts.filter(
    ({ number, failsAt }) => failsAt < 99 && outcomes.get(`run-${number}`)?.status === "completed",
  );
  return [
    ...broken("saga: ends", "a run has another end than was told", wrong),
    ...broken("saga: ends", "a run completed that fails", completed),
  ];
}

/** What was done and can be undone is undone, the latest first; nothing is undone of a run that completed. */
function undoneInReverse({ outcomes }: SagaHistory, { reports }: Ended): readonly Violation[] {
  const wrong = reports.filter((report) => {
    const outcome = outcomes.get(report?.id ?? "");
    if (report === undefined || outcome === undefined || outcome.status === "completed") return false;
    const done = report.steps
      .filter(({ name, status }) => status === "done" && isUndoable(name))
      .map(({ name }) => name);
    return JSON.stringify(outcome.compensated) !== JSON.stringify(done.toReversed());
  });
  return broken(
    "saga: compensation",
    "steps are undone in another order than the reverse of their completion",
    wrong.map((report) => [report?.steps, outcomes.get(report?.id ?? "")]),
  );
}

function isUndoable(name: string): boolean {
  return /^(?:outside|left|right|inside)-/.test(name);
}

/** Every recorded effect happened, undone ones were undone, and nothing happened under a key that no record has. */
function effectsFitRecords({ effects, outcomes }: SagaHistory, { reports }: Ended): readonly Violation[] {
  const recorded = reports.flatMap((report) =>
    (report?.steps ?? [])
      .filter(({ name, status }) => status === "done" && /^(?:outside|left|right)-/.test(name))
      .map(({ name }) => `main/${report?.id}/${name}`),
  );
  const undone = reports.flatMap((report) => {
    const outcome = outcomes.get(report?.id ?? "");
    const names = outcome === undefined || outcome.status === "completed" ? [] : outcome.compensated;
    return names.filter((name) => !name.startsWith("inside")).map((name) => `main/${report?.id}/${name}/undo`);
  });
  const happened = effects.filter(({ end, key, kind }) => end === "done" && kind !== "once" && key.startsWith("main/"));
  return checkEffects(happened, "at least once", [...recorded, ...undone]);
}

function atMostOnce({ effects }: SagaHistory): readonly Violation[] {
  const once = effects.filter(({ kind }) => kind === "once");
  return checkEffects(
    once,
    "at most once",
    once.map(({ key }) => key),
  );
}

/** A signal is taken once by the run, although the step that tells of it may run twice; and only what was sent is taken. */
function signalsOnce({ taken, sent }: SagaHistory): readonly Violation[] {
  return broken(
    "saga: signals",
    "a signal was taken that nobody sent",
    taken.filter(({ payload, run }) => !sent.has(payload) || !payload.startsWith(run)),
  );
}

function bookedOnce({ reports, booked }: Ended): readonly Violation[] {
  const due = reports.reduce((sum, report) => {
    const inside =
      report?.steps.filter(({ name, status }) => name.startsWith("inside-") && status === "done").length ?? 0;
    return sum + (report?.status === "completed" ? inside : 0);
  }, 0);
  return due === booked
    ? []
    : broken("saga: exactly once", `${booked} were booked, ${due} are recorded`, [
        reports.map((report) => [report?.id, report?.status, report?.steps]),
      ]);
}

async function rowsOnce({ engine, reports }: Ended): Promise<readonly Violation[]> {
  if (engine.transaction === undefined) return [];
  const rows = await engine.transaction(({ sql }) => sql.all<{ run: string }>("select run from row order by run"));
  const due = reports.flatMap((report) =>
    (report?.steps ?? [])
      .filter(({ name, status }) => name.startsWith("sql-") && status === "done")
      .map(() => report?.id ?? ""),
  );
  const found = rows.map(({ run }) => run).toSorted();
  return JSON.stringify(found) === JSON.stringify(due.toSorted())
    ? []
    : broken("saga: exactly once", "rows and records of step.tx differ", [found, due]);
}
