import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** What must hold in the files at any moment, whoever was killed: they are sound, and no effect of the outside world happened twice.
 *  Returns what does not. */
export function faultsIn(data: string): readonly string[] {
  if (!existsSync(data)) return [];
  const files = readdirSync(data).filter((name) => name.endsWith(".db"));
  return files.flatMap((name) => inFile(join(data, name)).map((fault) => `${name}: ${fault}`));
}

/** Effects of the outside world until now: what a shop that makes progress adds to. */
export function effectsIn(data: string): number {
  const names = ["provider", "carrier", "channels"].map((name) => join(data, `outside-${name}.db`));
  return names.filter(existsSync).reduce((sum, path) => sum + (numberIn(path, effects) ?? 0), 0);
}

const effects = "select coalesce(max(id), 0) as number from effect";
const repeated = "select count(*) - count(distinct kind || ' ' || subject) as number from effect";

function inFile(path: string): readonly string[] {
  const faults: string[] = [];
  const database = open(path);
  if (database === undefined) return ["cannot be opened"];
  try {
    const [row] = database.prepare("pragma quick_check(1)").all();
    const told = Object.values(row ?? {})[0];
    if (told !== "ok") faults.push(String(told));
  } catch (error) {
    // Somebody holds it for recovery: the next look sees it.
    if (!/locked|busy/.test(String(error))) faults.push(String(error));
  } finally {
    database.close();
  }
  const doubled = path.includes("outside-") ? (numberIn(path, repeated) ?? 0) : 0;
  return doubled === 0 ? faults : [...faults, `${doubled} effects happened twice`];
}

function open(path: string): DatabaseSync | undefined {
  try {
    return new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  } catch {
    return undefined;
  }
}

function numberIn(path: string, sql: string): number | undefined {
  const database = open(path);
  if (database === undefined) return undefined;
  try {
    return Number(database.prepare(sql).get()?.["number"]);
  } catch {
    // The killed process had not made its tables.
    return undefined;
  } finally {
    database.close();
  }
}
