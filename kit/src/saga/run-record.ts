import type { CellKey } from "../engine/mod.ts";
import type { ErrorRecord } from "../errors/mod.ts";
import { type Entry, entryOf, type StoredEntry } from "./entry.ts";
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
  /** Source of the run's chance, unless it is the run's own key: a fork keeps that of its origin. */
  readonly seed?: string | undefined;
  readonly input?: unknown;
  /** The input is in a cell of its own, because it is large. */
  readonly inputApart?: 1 | undefined;
  readonly messageId?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly parent?: Waiter | undefined;
  /** Number of the latest checkpoint; the journal starts there. */
  readonly epoch?: number | undefined;
  readonly state?: unknown;
  /** Full pages of the journal in cells of their own. */
  readonly pages?: number | undefined;
  readonly attempts?: Readonly<Record<string, AttemptRecord>> | undefined;
  /** An executor died with this run, and what it may have begun is not over yet. */
  readonly doubt?: 1 | undefined;
  readonly problem?: Problem | undefined;
  readonly outcome?: FinalOutcome | undefined;
  readonly finishedAtMs?: number | undefined;
}

/** Source of a run's chance. It changes with every checkpoint, because a replay starts there. */
export function seedOf(header: RunHeader, key: string): string {
  const { seed = key, epoch } = header;
  return epoch === undefined ? seed : `${seed}/${epoch}`;
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

/** What never changes while a run lives, as text: the beginning of its record, written by every step. The input comes as text already; a
 *  large one is in a cell of its own. */
export function fixedText(header: RunHeader, inputText: string): string {
  const { version, startedAtMs, seed, tags, parent } = header;
  let text = `{"v":${JSON.stringify(version)},"at":${startedAtMs}`;
  text += header.inputApart === undefined ? `,"in":${inputText}` : `,"inputApart":1`;
  if (seed !== undefined) text += `,"seed":${JSON.stringify(seed)}`;
  if (tags !== undefined) text += `,"tags":${JSON.stringify(tags)}`;
  if (parent !== undefined) text += `,"parent":${JSON.stringify(parent)}`;
  return text;
}

const rareFields = ["epoch", "state", "pages", "attempts", "doubt", "problem"] as const;

/** What changes while a run lives, to follow {@link fixedText}. */
export function changingText(header: RunHeader): string {
  let text = `,"s":"${header.status}"`;
  if (header.messageId !== undefined) text += `,"m":${JSON.stringify(header.messageId)}`;
  if (header.finishedAtMs !== undefined) text += `,"finishedAtMs":${header.finishedAtMs}`;
  return isPlain(header) ? text : text + rareText(header);
}

/** Nearly every run, at nearly every step. */
function isPlain({ epoch, state, pages, attempts, doubt, problem }: RunHeader): boolean {
  const hasNoPast = epoch === undefined && state === undefined && pages === undefined;
  return hasNoPast && attempts === undefined && doubt === undefined && problem === undefined;
}

function rareText(header: RunHeader): string {
  let text = "";
  for (const field of rareFields) {
    const value = header[field];
    if (value !== undefined) text += `,"${field}":${JSON.stringify(value)}`;
  }
  return text;
}

/** How a run ended, to follow {@link changingText}. An output that is the result of the last operation is not stored twice. */
export function outcomeText(outcomeJson: string, outputJson: string | undefined, journalText: string): string {
  if (outputJson !== undefined && journalText.endsWith(`,"r":${outputJson}}`)) return `,"output":"last"`;
  return `,"outcome":${outcomeJson}`;
}

/** The value of a run's cell: the header, an object left open, then the latest entries. */
export function recordText(headerText: string, journalText: string): string {
  return `${headerText},"journal":[${journalText}]}`;
}

type Stored = Pick<
  RunHeader,
  "seed" | "tags" | "parent" | "inputApart" | "outcome" | "finishedAtMs" | (typeof rareFields)[number]
> & {
  readonly v: string;
  readonly at: number;
  readonly in?: unknown;
  readonly s: RunStatus;
  readonly m?: string;
  readonly output?: "last";
  readonly journal: readonly StoredEntry[];
};

/** Header and latest entries of a stored run. */
export function parseRecord(text: string): { readonly header: RunHeader; readonly entries: readonly Entry[] } {
  const { v, at, in: input, s, m, output, journal, ...rest } = JSON.parse(text) as Stored;
  const entries = journal.map(entryOf);
  const header = { ...rest, version: v, startedAtMs: at, input, status: s, messageId: m };
  if (output === undefined) return { header, entries };
  const last = entries.at(-1);
  const result = last !== undefined && "r" in last ? last.r : undefined;
  return { header: { ...header, outcome: { status: "completed", output: result } }, entries };
}
