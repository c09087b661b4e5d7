import type { Cell, Change, Engine } from "ashlar/engine";
import type { Minor } from "../../money.ts";
import type { ShopSettings } from "../../settings.ts";

/** How far the import of one file is. Written with every invoice, in its commit: so each is imported once. */
export interface FileProgress {
  /** Name at the first import, for people. */
  readonly name: string;
  readonly settings: ImportSettings;
  /** Who imports it: whoever began last. */
  readonly importer: string;
  /** Invoices (groups of lines) that are done. */
  readonly groups: number;
  readonly read: number;
  readonly accepted: number;
  readonly quarantined: number;
  /** Units that the file says are missing, and what it corrects in the books: told to the neighbours later. */
  readonly writtenOff: number;
  readonly adjustedMinor: Minor;
  /** Whether the last line was reached. */
  readonly end: "ahead" | "reached";
}

/** What decides the outcome of a replay, besides its file. */
export type ImportSettings = Pick<ShopSettings, "stock" | "faults" | "seed">;

/** The replay's own clock, common to all files. */
export interface BusinessClock {
  /** Day that is open, `YYYY-MM-DD`; empty before the first. */
  readonly day: string;
  /** Next ticket. */
  readonly ticket: number;
}

const fileSpace = "import";
const clockKey = { space: "replay", key: "clock" };

/** Both records with the versions that the next commit must find. */
export interface ProgressState {
  readonly file: FileProgress;
  readonly clock: BusinessClock;
  readonly fileVersion: number | "absent";
  readonly clockVersion: number | "absent";
}

const nothingDone = {
  groups: 0,
  read: 0,
  accepted: 0,
  quarantined: 0,
  writtenOff: 0,
  adjustedMinor: 0,
  end: "ahead",
} as const;

/** Reads where the import of a file stands; a new file begins with `fresh`. */
export async function loadProgress(
  engine: Engine,
  id: string,
  fresh: Pick<FileProgress, "name" | "settings" | "importer">,
): Promise<ProgressState> {
  const [file, clock] = await engine.get([{ space: fileSpace, key: id }, clockKey]);
  return {
    file: parsed<FileProgress>(file) ?? { ...fresh, ...nothingDone },
    clock: parsed<BusinessClock>(clock) ?? { day: "", ticket: 1 },
    fileVersion: file?.version ?? "absent",
    clockVersion: clock?.version ?? "absent",
  };
}

/** The writes that move the import on; refused when another process imports into the same data. */
export function progressChanges(
  id: string,
  state: ProgressState,
  next: Pick<ProgressState, "file" | "clock">,
): readonly Change[] {
  return [
    { op: "put", cell: { space: fileSpace, key: id }, expect: state.fileVersion, value: JSON.stringify(next.file) },
    { op: "put", cell: clockKey, expect: state.clockVersion, value: JSON.stringify(next.clock) },
  ];
}

/** Whether a refusal concerns the records of progress. */
export function isProgressCell(cell: { readonly space: string }): boolean {
  return cell.space === fileSpace || cell.space === clockKey.space;
}

/** Every file that was ever imported, wholly or in part. */
export async function* importedFiles(engine: Engine): AsyncGenerator<FileProgress> {
  for await (const cell of engine.scan({ kind: "cells", space: fileSpace })) {
    const file = parsed<FileProgress>(cell);
    if (file !== undefined) yield file;
  }
}

function parsed<T>(cell: Cell | undefined): T | undefined {
  return cell === undefined ? undefined : (JSON.parse(cell.value) as T);
}
