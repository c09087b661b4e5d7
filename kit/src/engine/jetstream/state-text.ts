import { StorageError } from "../errors.ts";
import type { Entry } from "../state/entry.ts";
import type { MemoryQueue } from "../state/memory-queue.ts";
import { Fold } from "./fold.ts";

/** One thing of the state, as a line of a snapshot. */
type Row =
  | readonly ["counters", ids: number, revision: number, covered: number]
  | readonly ["proposer", name: string, number: number]
  | readonly ["queue", name: string, flow: "open" | "paused", seq: number]
  | readonly ["key", queue: string, key: string, concurrency: number]
  | readonly ["message", queue: string, entry: WrittenEntry]
  | readonly ["cell", space: string, key: string, value: string, version: number, expiresAtMs?: number]
  | readonly ["dedup", queue: string, key: string, id: string, expiresAtMs?: number]
  | readonly ["seen", consumer: string, id: string, expiresAtMs?: number];

type WrittenEntry = Omit<Entry, "place" | "headers"> & { readonly headers?: Readonly<Record<string, string>> };

/** The whole state as texts of `bytesMax` bytes each at most. A row that is larger (a message with its failures may be larger than any message of the server)
 *  has texts of its own, of which all but the first begin with a mark. */
export function* writeState(fold: Fold, bytesMax: number): Generator<string> {
  for (const text of textsOfRows(fold, bytesMax)) yield* pieces(text, bytesMax);
}

const continued = "+";

/** Rows begin with a bracket, so that the mark says enough. */
function* pieces(text: string, bytesMax: number): Generator<string> {
  if (Buffer.byteLength(text) <= bytesMax) return yield text;
  // A unit of a text is three bytes at most; two of them may be a character that must not be parted.
  const unitsMax = Math.max(2, Math.floor((bytesMax - continued.length) / 3));
  for (let from = 0, to = 0; from < text.length; from = to) {
    to = Math.min(text.length, from + unitsMax);
    if (to < text.length && isLowSurrogate(text.charCodeAt(to))) to -= 1;
    yield (from === 0 ? "" : continued) + text.slice(from, to);
  }
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** The texts as they were before the larger ones were parted. */
function* joined(texts: Iterable<string>): Generator<string> {
  let whole = "";
  for (const text of texts) {
    if (text.startsWith(continued)) whole += text.slice(continued.length);
    else {
      if (whole !== "") yield whole;
      whole = text;
    }
  }
  yield whole;
}

function* textsOfRows(fold: Fold, bytesMax: number): Generator<string> {
  let lines: string[] = [];
  let bytes = 0;
  for (const row of rowsOf(fold)) {
    const line = JSON.stringify(row);
    const size = Buffer.byteLength(line) + 1;
    if (bytes + size > bytesMax && lines.length > 0) {
      yield lines.join("\n");
      lines = [];
      bytes = 0;
    }
    lines.push(line);
    bytes += size;
  }
  yield lines.join("\n");
}

/** The state that was written. Throws StorageError when the texts are not such. */
export function readState(texts: Iterable<string>): Fold {
  const fold = new Fold();
  try {
    for (const text of joined(texts)) for (const line of text.split("\n")) restore(fold, JSON.parse(line) as Row);
  } catch (error) {
    throw new StorageError("corrupt", "a snapshot of the stream cannot be read", { cause: error });
  }
  return fold;
}

function* rowsOf(fold: Fold): Generator<Row> {
  const { state } = fold;
  yield ["counters", ...state.counters, fold.covered];
  for (const [name, number] of fold.proposers) yield ["proposer", name, number];
  for (const queue of state.queues.values()) yield* rowsOfQueue(queue);
  for (const [space, { cells }] of state.spaces)
    for (const [key, { value, version }, expiresAtMs] of cells.entries())
      yield ["cell", space, key, value, version, ...maybe(expiresAtMs)];
  for (const [queue, known] of state.dedups)
    for (const [key, id, expiresAtMs] of known.entries()) yield ["dedup", queue, key, id, ...maybe(expiresAtMs)];
  for (const [consumer, seen] of state.inboxes)
    for (const [id, , expiresAtMs] of seen.entries()) yield ["seen", consumer, id, ...maybe(expiresAtMs)];
}

function* rowsOfQueue(queue: MemoryQueue): Generator<Row> {
  yield ["queue", queue.name, queue.flow, queue.lastSeq];
  for (const [key, { concurrency }] of queue.gates) yield ["key", queue.name, key, concurrency];
  for (const { place: _, ...entry } of queue.entries.values()) yield ["message", queue.name, entry as WrittenEntry];
}

function maybe(expiresAtMs: number | undefined): readonly [] | readonly [number] {
  return expiresAtMs === undefined ? [] : [expiresAtMs];
}

function restore(fold: Fold, row: Row): void {
  const { state } = fold;
  switch (row[0]) {
    case "counters":
      state.setCounters([row[1], row[2]]);
      fold.covered = row[3];
      return;
    case "proposer":
      return fold.remember(row[1], row[2]);
    case "queue":
      state.queue(row[1]).flow = row[2];
      return state.queue(row[1]).restoreSeq(row[3]);
    case "key":
      return state.queue(row[1]).restoreKey(row[2], row[3]);
    case "message":
      return state.queue(row[1]).restore(entryOf(row[2]));
    case "cell":
      return restoreCell(fold, row);
    case "dedup":
      return state.dedup(row[1]).set(row[2], row[3], row[4]);
    case "seen":
      return state.inbox(row[1]).set(row[2], true, row[3]);
    default:
      throw new Error(`unknown row ${JSON.stringify(row satisfies never)}`);
  }
}

function restoreCell(
  { state }: Fold,
  [, space, key, value, version, expiresAtMs]: Extract<Row, readonly ["cell", ...unknown[]]>,
): void {
  const { cells, names } = state.space(space);
  names.add(key);
  cells.set(key, { space, key, value, version, expiresAtMs }, expiresAtMs);
}

/** What was `undefined` is not in the text. The fields stand in the order in which a new entry has them. */
function entryOf(written: WrittenEntry): Entry {
  const { headers } = written;
  return {
    id: written.id,
    body: written.body,
    headers: headers === undefined ? undefined : Object.freeze({ ...headers }),
    key: written.key,
    lane: written.lane,
    enqueuedAtMs: written.enqueuedAtMs,
    state: written.state,
    seq: written.seq,
    attempt: written.attempt,
    crashes: written.crashes,
    token: written.token,
    dueAtMs: written.dueAtMs,
    isWoken: written.isWoken,
    failures: written.failures,
    reason: written.reason,
    diedAtMs: written.diedAtMs,
    place: undefined,
  };
}
