import type { CellKey, Put } from "../engine/mod.ts";
import { decodePage } from "./decode-events.ts";
import type { AnyCall, Verdict } from "./decide-group.ts";
import { streamOf } from "./decider.ts";
import type { EventMeta } from "./domain-event.ts";
import type { PlannedResult } from "./planned-result.ts";
import type { StoreContext } from "./store-context.ts";

/** What one command did, kept in a cell that only its first execution can write. */
type CommandRecord = Readonly<Record<string, Span>>;

type Span = readonly [fromVersion: number, version: number];

/** The write that makes a command happen once; refused (`cell-conflict`) when it happened before. */
export function commandRecord(context: StoreContext, cell: CellKey, verdicts: readonly Verdict[]): Put {
  const record: CommandRecord = Object.fromEntries(
    verdicts.map(({ group, next, events }) => [group.stream, [next.version - events.length, next.version] as const]),
  );
  return recordWith(context, cell, record);
}

/** The same write for an append; without a span where it is not known before the commit. */
export function appendRecord(
  context: StoreContext,
  cell: CellKey,
  known: { readonly stream: string; readonly span: Span } | undefined,
): Put {
  return recordWith(context, cell, known === undefined ? {} : { [known.stream]: known.span });
}

function recordWith({ commandsKeptMs }: StoreContext, cell: CellKey, record: CommandRecord): Put {
  return { op: "put", cell, expect: "absent", value: JSON.stringify(record), expiresInMs: commandsKeptMs };
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
  return Promise.all(calls.map((call) => firstResult(context, call, { cell, record })));
}

/** Which events of a stream a command has appended. Its record says so, or else the events themselves: O(stream), and only for the repeat of
 *  an append that expected no version. */
export async function recordedSpan(context: StoreContext, cell: CellKey, stream: string): Promise<Span> {
  const [found] = await context.engine.get([cell]);
  const record = found === undefined ? {} : (JSON.parse(found.value) as CommandRecord);
  return record[stream] ?? findSpan(context, cell, stream);
}

const pageEvents = 512;

async function findSpan({ engine, log }: StoreContext, { key }: CellKey, stream: string): Promise<Span> {
  const commandId = decodeURIComponent(key.slice(0, key.indexOf(" ")));
  let span: Span = [0, 0];
  for (let after = 0; ;) {
    const page = await engine.stream({ log, stream, after, limit: pageEvents });
    for (const { meta, version } of page)
      // An id may be used again once it is forgotten: the last execution is the one that is remembered.
      if (meta !== undefined && (JSON.parse(meta) as EventMeta).commandId === commandId)
        span = [span[1] === version - 1 ? span[0] : version - 1, version];
    after = page.at(-1)?.version ?? after;
    if (page.length < pageEvents) return span;
  }
}

async function firstResult(
  context: StoreContext,
  { decider, id }: AnyCall,
  { cell, record }: { readonly cell: CellKey; readonly record: CommandRecord },
): Promise<PlannedResult> {
  const { engine, log } = context;
  const stream = streamOf(decider, id);
  const [after, version] = record[stream] ?? (await findSpan(context, cell, stream));
  const records = version > after ? await engine.stream({ log, stream, after, limit: version - after }) : [];
  const stored = await decodePage(context, decider.events, records);
  return { stream, version, events: stored.map(({ type, data }) => ({ type, data })), state: undefined };
}
