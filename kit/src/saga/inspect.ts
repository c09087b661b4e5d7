import type { Cell, Engine } from "../engine/mod.ts";
import { integerIn, type ErrorRecord } from "../errors/mod.ts";
import { type Entry, entryOf, type StoredEntry } from "./entry.ts";
import { type FinalOutcome, isFinal, type Problem, type RunStatus } from "./outcome.ts";
import { pageCell, parseRecord, queueOf, runCell, type RunHeader, seedOf } from "./run-record.ts";

// Runs looked at together: one read, and not too much of it in memory.
const idsAtOnce = 100;

/** Which runs to list; without fields, those of every saga. */
export interface ListQuery {
  readonly saga?: string | undefined;
  readonly status?: RunStatus | undefined;
  readonly tag?: string | undefined;
  /** Most runs to list; default 100. Listing an open status costs what is open; a final one looks at everything stored. */
  readonly limit?: number | undefined;
}

/** A run in a list. */
export interface RunSummary {
  readonly saga: string;
  readonly id: string;
  readonly version: string;
  readonly status: RunStatus;
  readonly tags: readonly string[];
  readonly startedAtMs: number;
  readonly finishedAtMs: number | undefined;
  readonly problem: Problem | undefined;
}

/** A step, or as `undo:<step>` a compensation, as inspection shows it. */
export interface StepReport {
  readonly name: string;
  readonly status: "done" | "failed" | "retrying" | "begun" | "undone" | "skipped";
  /** Failed attempts so far. */
  readonly failures: number;
  readonly result: unknown;
  readonly error: ErrorRecord | undefined;
  /** When it was recorded, or when the next attempt is due. */
  readonly atMs: number;
}

/** What a run waits for. */
export interface WaitReport {
  readonly name: string;
  /** In words: `signal "shipped"`, `approval "fraud" by risk`. */
  readonly on: string;
  readonly untilMs: number | undefined;
}

/** Everything known about a run. */
export interface RunReport extends RunSummary {
  readonly input: unknown;
  readonly outcome: FinalOutcome | undefined;
  /** Steps and compensations in the order of their records. */
  readonly steps: readonly StepReport[];
  readonly waitingFor: readonly WaitReport[];
  /** The journal as stored; what `checkJournals` takes. */
  readonly journal: SavedJournal;
}

/** A run's history as plain JSON, for tests of later versions against it. */
export interface SavedJournal {
  readonly saga: string;
  readonly id: string;
  readonly version: string;
  readonly input: unknown;
  readonly state: unknown;
  readonly seed: string;
  readonly entries: readonly Entry[];
}

/** Saga after saga. Runs of an open status are found by their messages, in the order of their start: finished runs, of which there may be
 *  many more, are not looked at. Everything else comes by id and looks at every stored run: for people, not for hot paths. */
export async function* listRuns(engine: Engine, sagas: readonly string[], query: ListQuery): AsyncIterable<RunSummary> {
  let left = integerIn("limit", query.limit ?? 100, { min: 1 });
  for (const saga of query.saga === undefined ? sagas : [query.saga]) {
    const isOpen = query.status !== undefined && !isFinal(query.status);
    for await (const cell of isOpen ? openRuns(engine, saga) : allRuns(engine, saga)) {
      const summary = summaryOf(saga, cell.key, parseRecord(cell.value).header);
      if (query.status !== undefined && summary.status !== query.status) continue;
      if (query.tag !== undefined && !summary.tags.includes(query.tag)) continue;
      yield summary;
      if (--left === 0) return;
    }
  }
}

const everything = Number.MAX_SAFE_INTEGER;

function allRuns(engine: Engine, saga: string): AsyncIterable<Cell> {
  return engine.scan({ kind: "cells", space: `saga-run:${saga}`, limit: everything });
}

/** Every run that has not ended has a message. */
async function* openRuns(engine: Engine, saga: string): AsyncIterable<Cell> {
  const ids: string[] = [];
  for await (const message of engine.scan({ kind: "messages", queue: queueOf(saga), limit: everything })) {
    ids.push(message.body);
    if (ids.length === idsAtOnce) yield* runsOf(engine, saga, ids.splice(0));
  }
  yield* runsOf(engine, saga, ids);
}

async function* runsOf(engine: Engine, saga: string, ids: readonly string[]): AsyncIterable<Cell> {
  if (ids.length === 0) return;
  for (const cell of await engine.get(ids.map((id) => runCell(saga, id)))) if (cell !== undefined) yield cell;
}

export async function inspectRun(engine: Engine, saga: string, id: string): Promise<RunReport | undefined> {
  const [cell] = await engine.get([runCell(saga, id)]);
  if (cell === undefined) return undefined;
  const { header, entries: tail } = parseRecord(cell.value);
  const pages = Array.from({ length: header.pages ?? 0 }, (_, page) => pageCell(saga, id, page));
  const cells = await engine.get([...pages, ...(header.inputApart === 1 ? [pageCell(saga, id, "input")] : [])]);
  const values = cells.map((cell) => (cell === undefined ? undefined : (JSON.parse(cell.value) as unknown)));
  const entries = [
    ...values.slice(0, pages.length).flatMap((page) => ((page ?? []) as readonly StoredEntry[]).map(entryOf)),
    ...tail,
  ];
  const input = header.inputApart === 1 ? values.at(-1) : header.input;
  const { version, state, outcome } = header;
  const seed = seedOf(header, `${saga}/${id}`);
  return {
    ...summaryOf(saga, id, header),
    input,
    outcome,
    steps: stepsOf(header, entries),
    waitingFor: waitsOf(entries),
    journal: { saga, id, version, input, state, seed, entries },
  };
}

function summaryOf(saga: string, id: string, header: RunHeader): RunSummary {
  const { version, status, tags = [], startedAtMs, finishedAtMs, problem } = header;
  return { saga, id, version, status, tags, startedAtMs, finishedAtMs, problem };
}

function stepsOf(header: RunHeader, entries: readonly Entry[]): readonly StepReport[] {
  const recorded = entries.flatMap((entry): StepReport[] => {
    const base = { failures: 0, result: undefined, error: undefined, atMs: entry.t };
    if (entry.k === "step") return [{ ...base, name: entry.n, status: "done", result: entry.r }];
    if (entry.k === "fail") return [{ ...base, name: entry.n, status: "failed", failures: entry.a, error: entry.e }];
    if (entry.k === "undo")
      return [{ ...base, name: `undo:${entry.n}`, status: entry.skip === 1 ? "skipped" : "undone" }];
    return [];
  });
  const done = new Set(recorded.map((step) => step.name));
  const begun = entries.flatMap((entry): StepReport[] =>
    entry.k === "begin" && !done.has(entry.n) && header.attempts?.[entry.n] === undefined
      ? [{ name: entry.n, status: "begun", failures: 0, result: undefined, error: undefined, atMs: entry.t }]
      : [],
  );
  const retrying = Object.entries(header.attempts ?? {}).map(([name, { count, error, dueAtMs }]): StepReport => ({
    name,
    status: "retrying",
    failures: count,
    result: undefined,
    error,
    atMs: dueAtMs,
  }));
  return [...recorded, ...begun, ...retrying];
}

function waitsOf(entries: readonly Entry[]): readonly WaitReport[] {
  const closed = new Set(entries.flatMap((entry) => (entry.k === "close" || entry.k === "end" ? [entry.n] : [])));
  return entries.flatMap((entry): WaitReport[] => {
    if (entry.k !== "open" || closed.has(entry.n)) return [];
    const dues = Object.values(entry.due ?? {});
    return [{ name: entry.n, on: entry.on, untilMs: dues.length === 0 ? undefined : Math.min(...dues) }];
  });
}
