import { jsonCodec } from "../codec/mod.ts";
import type { Entry } from "./entry.ts";
import { SagaUsageError } from "./errors.ts";
import type { RunReport } from "./inspect.ts";
import type { Journal } from "./journal.ts";
import { isCommand, type Letter, type Mailbox } from "./mailbox.ts";
import type { RunHeader } from "./run-record.ts";
import { isFinal, type Problem } from "./outcome.ts";

const codec = jsonCodec<unknown>();
const undoPrefix = "undo:";

/** The entries that carry out what people have decided about a stuck run. Sets the attempts in the header as a side. */
export function commandTexts(
  journal: Journal,
  now: { readonly letters: readonly Letter[]; readonly problem: Problem | undefined; readonly nowMs: number },
): readonly string[] {
  const answered = new Set<string>();
  return now.letters.flatMap((letter) => {
    if (letter.kind === "retry") retry(journal, now.problem);
    if (letter.kind !== "skip" && letter.kind !== "resolve") return [];
    // Its doubt may have ended since the letter was sent. An answer to a question that the code does not ask would stop the run for good.
    if (answered.has(letter.step) || !isInDoubt(journal, letter.step, now.problem)) return [];
    answered.add(letter.step);
    const result = letter.kind === "resolve" ? letter.result : undefined;
    return decided(journal, letter.step, { nowMs: now.nowMs, result });
  });
}

/**
 * A run that needs attention stays parked until a command or, while nothing is in doubt, a cancel comes: a step whose effect may have
 * happened and has no record would not be undone.
 */
export function mayGoOn(header: RunHeader, mailbox: Mailbox): boolean {
  const { status, problem } = header;
  if (status !== "needs-attention" || problem?.kind === "unknown-version") return true;
  const isInDoubt = problem?.step !== undefined;
  return mailbox.letters.some((letter) => isCommand(letter) || (!isInDoubt && letter.kind === "cancel"));
}

/** Whether a person may answer for a step: it is what the run has stopped at, it has failed before, or nobody knows how its attempt ended. */
function isInDoubt(journal: Journal, step: string, problem: Problem | undefined): boolean {
  return (
    problem?.step === step || journal.header.attempts?.[step] !== undefined || journal.find("begin", step) !== undefined
  );
}

/**
 * Refuses an answer for a step that is not in doubt, as far as the stored run tells; "answered" when it has an answer already.
 * Throws {@link SagaUsageError}.
 */
export function askedFor(run: RunReport | undefined, step: string): "asked" | "answered" {
  if (run === undefined || isFinal(run.status)) return "asked";
  const open = run.steps.flatMap(({ name, status }) => (status === "begun" || status === "retrying" ? [name] : []));
  const inDoubt = new Set(run.problem?.step === undefined ? open : [run.problem.step, ...open]);
  if (inDoubt.has(step)) return "asked";
  if (run.steps.some(({ name }) => name === step)) return "answered";
  const names = [...inDoubt].map((name) => `"${name}"`).join(", ");
  throw new SagaUsageError(
    `run "${run.id}" of saga "${run.saga}" has no doubt about "${step}"; ${names === "" ? "it asks for no answer" : `it asks about ${names}`}`,
  );
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
