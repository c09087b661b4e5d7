import { jsonCodec } from "../codec/mod.ts";
import type { Entry } from "./entry.ts";
import type { Journal } from "./journal.ts";
import type { Letter } from "./mailbox.ts";
import type { Problem } from "./outcome.ts";

const codec = jsonCodec<unknown>();
const undoPrefix = "undo:";

/** The entries that carry out what people have decided about a stuck run. Sets the attempts in the header as a side. */
export function commandTexts(
  journal: Journal,
  now: { readonly letters: readonly Letter[]; readonly problem: Problem | undefined; readonly nowMs: number },
): readonly string[] {
  return now.letters.flatMap((letter) => {
    if (letter.kind === "retry") retry(journal, now.problem);
    if (letter.kind === "skip") return decided(journal, letter.step, { nowMs: now.nowMs });
    if (letter.kind === "resolve") return decided(journal, letter.step, { nowMs: now.nowMs, result: letter.result });
    return [];
  });
}

function retry(journal: Journal, problem: Problem | undefined): void {
  if (problem?.step === undefined) return;
  journal.noteAttempt(problem.step, undefined);
  const begin = journal.find("begin", problem.step);
  // The attempt whose end nobody knows counts as failed.
  if (problem.kind === "outcome-unknown" && begin !== undefined)
    journal.noteAttempt(problem.step, { count: begin.a, error: problem.error, dueAtMs: 0 });
}

/** A step, or with the prefix `undo:` a compensation, that a person answers for. One that is answered already stays as it is. */
function decided(
  journal: Journal,
  step: string,
  as: { readonly nowMs: number; readonly result?: unknown },
): readonly string[] {
  journal.noteAttempt(step, undefined);
  if (step.startsWith(undoPrefix)) {
    const name = step.slice(undoPrefix.length);
    if (journal.find("undo", name) !== undefined) return [];
    return [JSON.stringify({ k: "undo", n: name, t: as.nowMs, skip: 1 } satisfies Entry)];
  }
  if (journal.find("step", step) !== undefined || journal.find("fail", step) !== undefined) return [];
  const result = as.result === undefined ? "" : `,"r":${codec.encode(as.result)}`;
  return [`{"k":"step","n":${JSON.stringify(step)},"t":${as.nowMs},"p":1${result}}`];
}
