import type { CellKey, Put } from "../engine/mod.ts";
import { decodePage } from "./decode-events.ts";
import type { AnyCall, Verdict } from "./decide-group.ts";
import { streamOf } from "./decider.ts";
import type { PlannedResult } from "./planned-result.ts";
import type { StoreContext } from "./store-context.ts";

/** What one command did, kept in a cell that only its first execution can write. */
type CommandRecord = Readonly<Record<string, readonly [fromVersion: number, version: number]>>;

/** The write that makes a command happen once; refused (`cell-conflict`) when it happened before. */
export function commandRecord(context: StoreContext, cell: CellKey, verdicts: readonly Verdict[]): Put {
  const record: CommandRecord = Object.fromEntries(
    verdicts.map(({ group, next, events }) => [group.stream, [next.version - events.length, next.version] as const]),
  );
  return { op: "put", cell, expect: "absent", value: JSON.stringify(record), expiresInMs: context.commandsKeptMs };
}

/** One stream: the id counts in that stream. Several: in the log, because the same id stands for the same set of calls. */
export function commandCell(log: string, streams: readonly string[], commandId: string): CellKey {
  const [first] = streams;
  const scope = streams.length === 1 && first !== undefined ? first : "";
  return { space: `command/${log}`, key: `${encodeURIComponent(commandId)} ${scope}` };
}

/** What the command did the first time, or `undefined` if it was never executed (or too long ago). */
export async function findRepeated(
  context: StoreContext,
  calls: readonly AnyCall[],
  cell: CellKey,
): Promise<readonly PlannedResult[] | undefined> {
  const [found] = await context.engine.get([cell]);
  if (found === undefined) return undefined;
  const record = JSON.parse(found.value) as CommandRecord;
  return Promise.all(calls.map((call) => firstResult(context, call, record)));
}

async function firstResult(
  context: StoreContext,
  { decider, id }: AnyCall,
  record: CommandRecord,
): Promise<PlannedResult> {
  const { engine, log } = context;
  const stream = streamOf(decider, id);
  const [after, version] = record[stream] ?? [0, 0];
  const records = version > after ? await engine.stream({ log, stream, after, limit: version - after }) : [];
  const stored = await decodePage(context, decider.events, records);
  return { stream, version, events: stored.map(({ type, data }) => ({ type, data })), state: undefined };
}
