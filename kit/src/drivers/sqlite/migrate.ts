import { createHash } from "node:crypto";
import { KitError } from "../../errors/mod.ts";
import type { SqliteSession, PreparingSession } from "./session.ts";

/** One step of a schema, for ever the same once it has been applied anywhere. */
export interface MigrationStep {
  /** Unique within its family. */
  readonly name: string;
  /** Statements, separated by semicolons. */
  readonly sql: string;
}

/** The database and the steps in the code disagree; nothing was changed. `step` is the first that differs. */
export class MigrationError extends KitError {
  readonly code = "MIGRATION";
  readonly retryable = false;
  readonly family: string;
  readonly step: string;

  constructor(family: string, step: string, complaint: string) {
    super(`migrations of "${family}": step "${step}" ${complaint}`);
    this.family = family;
    this.step = step;
  }
}

interface AppliedRow {
  readonly place: number;
  readonly step: string;
  readonly checksum: string;
}

const journalSql = `create table if not exists ashlar_migration(
  family text not null, place integer not null, step text not null, checksum text not null, applied_at integer not null,
  primary key(family, place)) strict, without rowid`;

/** Whether every step is applied already; a read only, so that opening an up-to-date database takes no lock. */
export function isMigrated(reader: SqliteSession, family: string, steps: readonly MigrationStep[]): boolean {
  const journal = reader.get("select 1 from sqlite_schema where type = 'table' and name = 'ashlar_migration'");
  if (journal === undefined) return false;
  return pendingSteps(family, steps, appliedSteps(reader, family)).length === 0;
}

/** Applies the steps that are missing, in order. Runs inside a transaction: of two processes one applies, the other finds them done.
 *  Throws {@link MigrationError} when an applied step was changed, or the database knows steps that the code does not. */
export function applySteps(
  writer: PreparingSession,
  family: string,
  plan: { readonly steps: readonly MigrationStep[]; readonly nowMs: number },
): void {
  writer.exec(journalSql);
  const applied = appliedSteps(writer, family);
  for (const [offset, step] of pendingSteps(family, plan.steps, applied).entries()) {
    writer.exec(step.sql);
    writer.run(
      "insert into ashlar_migration(family, place, step, checksum, applied_at) values (?, ?, ?, ?, ?)",
      family,
      applied.length + offset,
      step.name,
      checksumOf(step),
      plan.nowMs,
    );
  }
}

function appliedSteps(session: SqliteSession, family: string): readonly AppliedRow[] {
  return session.all("select place, step, checksum from ashlar_migration where family = ? order by place", family);
}

function pendingSteps(
  family: string,
  steps: readonly MigrationStep[],
  applied: readonly AppliedRow[],
): readonly MigrationStep[] {
  for (const row of applied) {
    const step = steps[row.place];
    if (step === undefined) throw new MigrationError(family, row.step, "was applied by a newer version of the program");
    if (step.name !== row.step)
      throw new MigrationError(family, step.name, `stands where "${row.step}" was applied; add new steps at the end`);
    if (checksumOf(step) !== row.checksum)
      throw new MigrationError(
        family,
        step.name,
        "was changed after it had been applied; restore it and add a new step",
      );
  }
  return steps.slice(applied.length);
}

function checksumOf(step: MigrationStep): string {
  return createHash("sha256").update(step.name).update("\0").update(step.sql).digest("hex");
}
