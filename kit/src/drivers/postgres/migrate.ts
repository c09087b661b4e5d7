import { hash32 } from "../../codec/mod.ts";
import { KitError } from "../../errors/mod.ts";
import { checksum } from "./checksum-system.ts";
import { postgresError } from "./postgres-error.ts";
import type { PostgresSession } from "./session.ts";

/** One step of a schema, for ever the same once it has been applied anywhere. */
export interface MigrationStep {
  /** Unique within its family. */
  readonly name: string;
  /** Statements, separated by semicolons. They run in one transaction. */
  readonly sql: string;
  /** What becomes of programs that do not know this step yet. `run`: it only adds, so that they may go on and start again beside newer ones.
   *  `stop` (default): they refuse to open the database from then on. */
  readonly older?: "run" | "stop";
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

/** A family of tables, where its journal lies, and its steps. */
export interface MigrationPlan {
  readonly schema: string;
  readonly family: string;
  readonly steps: readonly MigrationStep[];
}

interface AppliedRow {
  readonly place: number;
  readonly step: string;
  readonly checksum: string;
  readonly older: string;
}

/** Applies the steps that are missing, in order, in one transaction under a lock: of many processes one applies, the others find them done.
 *  Reads only when nothing is missing. Throws {@link MigrationError} when database and steps disagree, PostgresError else. */
export async function migrate(session: PostgresSession, plan: MigrationPlan): Promise<void> {
  if ((await missingSteps(session, plan)).length === 0) return;
  await session.query("begin");
  try {
    // Whoever waits for tables in use must not make everybody else wait behind it.
    await session.query("set local lock_timeout = '10s'");
    // Programs remember that it was done: it must not be forgotten when the server loses a process and goes on with what is on its disk.
    await session.query(
      "select set_config('synchronous_commit', 'local', true) where current_setting('synchronous_commit') = 'off'",
    );
    await session.query("select pg_advisory_xact_lock($1, $2)", [
      hash32("ashlar migration") | 0,
      hash32(plan.schema) | 0,
    ]);
    await prepareJournal(session, plan.schema);
    const steps = await missingSteps(session, plan);
    for (const [offset, step] of steps.entries()) {
      await session.query(step.sql);
      await session.query(
        `insert into ${journalOf(plan.schema)}(family, place, step, checksum, older) values ($1, $2, $3, $4, $5)`,
        [plan.family, plan.steps.length - steps.length + offset, step.name, checksumOf(step), step.older ?? "stop"],
      );
    }
    await session.query("commit");
  } catch (error) {
    await session.query("rollback").catch(() => undefined);
    throw postgresError(error, `migrating "${plan.family}"`);
  }
}

function journalOf(schema: string): string {
  return `${schema}.ashlar_migration`;
}

async function prepareJournal(session: PostgresSession, schema: string): Promise<void> {
  const { rows } = await session.query("select 1 from pg_namespace where nspname = $1", [schema]);
  // "if not exists" would ask for the right to create one, also when it is there.
  if (rows.length === 0) await session.query(`create schema ${schema}`);
  await session.query(`create table if not exists ${journalOf(schema)}(
    family text not null, place integer not null, step text not null, checksum text not null, older text not null,
    applied_at timestamptz not null default now(), primary key(family, place))`);
}

async function missingSteps(session: PostgresSession, plan: MigrationPlan): Promise<readonly MigrationStep[]> {
  const { rows } = await session.query<{ readonly found: string | null }>("select to_regclass($1)::text as found", [
    journalOf(plan.schema),
  ]);
  if (typeof rows[0]?.found !== "string") return plan.steps;
  const applied = await session.query<AppliedRow>(
    `select place, step, checksum, older from ${journalOf(plan.schema)} where family = $1 order by place`,
    [plan.family],
  );
  return behind(plan, applied.rows);
}

function behind({ family, steps }: MigrationPlan, applied: readonly AppliedRow[]): readonly MigrationStep[] {
  for (const row of applied) {
    const step = steps[row.place];
    if (step === undefined) {
      if (row.older === "run") continue;
      throw new MigrationError(
        family,
        row.step,
        "was applied by a newer version of the program, and older ones must stop",
      );
    }
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
  return checksum(`${step.name}\0${step.sql}`);
}
