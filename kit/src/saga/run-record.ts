import type { CellKey } from "../engine/mod.ts";
import type { ErrorRecord } from "../errors/mod.ts";
import type { Entry } from "./entry.ts";
import type { FinalOutcome, Problem, RunStatus } from "./outcome.ts";

/** Failed attempts of one operation so far. */
export interface AttemptRecord {
  readonly count: number;
  readonly error: ErrorRecord;
  /** When the next one may start. */
  readonly dueAtMs: number;
}

/** The message of a run that is to be woken. */
export interface Waiter {
  readonly queue: string;
  readonly messageId: string;
}

/** Everything about a run but its journal. Stored as the head of the run's cell. */
export interface RunHeader {
  readonly version: string;
  readonly status: RunStatus;
  readonly startedAtMs: number;
  /** Source of the run's chance; a fork keeps that of its origin. */
  readonly seed: string;
  readonly input?: unknown;
  /** The input is in a cell of its own, because it is large. */
  readonly inputApart?: 1;
  readonly messageId?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly parent?: Waiter | undefined;
  /** Number of the latest checkpoint; the journal starts there. */
  readonly epoch?: number | undefined;
  readonly state?: unknown;
  /** Full pages of the journal in cells of their own. */
  readonly pages?: number | undefined;
  readonly attempts?: Readonly<Record<string, AttemptRecord>> | undefined;
  readonly problem?: Problem | undefined;
  readonly outcome?: FinalOutcome | undefined;
  readonly finishedAtMs?: number | undefined;
}

export function runCell(saga: string, id: string): CellKey {
  return { space: `saga-run:${saga}`, key: id };
}

/** A full page of the journal, a large input, a checkpoint state. */
export function pageCell(saga: string, id: string, page: number | "input"): CellKey {
  return { space: `saga-step:${saga}`, key: `${id}/${page === "input" ? page : String(page).padStart(8, "0")}` };
}

export function mailCell(saga: string, id: string): CellKey {
  return { space: `saga-mail:${saga}`, key: id };
}

export function queueOf(saga: string): string {
  return `saga:${saga}`;
}

const rareFields = [
  "inputApart",
  "tags",
  "parent",
  "epoch",
  "state",
  "pages",
  "attempts",
  "problem",
  "outcome",
  "finishedAtMs",
] as const;

/** The header as stored, written by hand because every step of every run does: the input, which never changes, comes as text. A large one
 *  is in a cell of its own. */
export function headerText(header: RunHeader, inputText: string): string {
  const { version, status, startedAtMs, seed, messageId } = header;
  let text = `{"version":${JSON.stringify(version)},"status":"${status}","startedAtMs":${startedAtMs},"seed":${JSON.stringify(seed)}`;
  if (header.inputApart === undefined) text += `,"input":${inputText}`;
  if (messageId !== undefined) text += `,"messageId":${JSON.stringify(messageId)}`;
  for (const field of rareFields) {
    const value = header[field];
    if (value !== undefined) text += `,"${field}":${JSON.stringify(value)}`;
  }
  return `${text}}`;
}

/** The value of a run's cell: the header's object, left open, then the latest entries. */
export function recordText(headerText: string, journalText: string): string {
  return `${headerText.slice(0, -1)},"journal":[${journalText}]}`;
}

/** Header and latest entries of a stored run. */
export function parseRecord(text: string): { readonly header: RunHeader; readonly entries: readonly Entry[] } {
  const { journal, ...header } = JSON.parse(text) as RunHeader & { readonly journal: readonly Entry[] };
  return { header, entries: journal };
}
