import { type Cell, RefusedError } from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";
import { appendEvents } from "./append-events.ts";
import type { SubjectErased } from "./domain-event.ts";
import { eventTypes } from "./event-types.ts";
import { forgetFailures } from "./forget-failures.ts";
import { subjectStreams } from "./seal-events.ts";
import { snapshotCell } from "./snapshot.ts";
import type { StoreContext } from "./store-context.ts";
import type { SubjectKeys } from "./subject-keys.ts";

const streamsAtOnce = 200;
const markerTypes = eventTypes<SubjectErased>({ $erased: {} });

/** Destroys the subject's key, then marks the streams that hold its data, drops their snapshots, and forgets the failures that may quote it.
 *  The first commit makes the data unreadable; the rest may be repeated after a crash. Returns how many streams were marked. */
export async function eraseSubject(context: StoreContext, subject: string): Promise<number> {
  const { keys, engine, log } = context;
  if (keys === undefined)
    throw new UnsupportedError("erasure", `the event store "${log}"`, "open it with keys: await openSubjectKeys(…)");
  await engine.commit([{ op: "put", cell: keys.cellOf(log, subject), expect: "any", value: undefined }]);
  const marked = new Set<string>();
  // Every sealed append checks the key in its own commit, so from here on no note of a destroyed key can be added.
  for await (const notes of oldNotes(context, keys, subject)) {
    await forgetFailures(context, new Set(notes.map(({ value }) => value)));
    const marks = notes.map(async (note) => {
      if ((await markStream(context, subject, note)) === "marked") marked.add(note.value);
    });
    await Promise.all(marks);
  }
  return marked.size;
}

/** Where data is that destroyed keys sealed. The subject may have returned meanwhile: what its new key sealed is not ours, and its notes are
 *  needed by the next erasure. */
async function* oldNotes(
  { engine, log }: StoreContext,
  keys: SubjectKeys,
  subject: string,
): AsyncGenerator<readonly Cell[]> {
  const { space, prefix } = subjectStreams(log, subject);
  for (let after: string | undefined; ;) {
    const page: Cell[] = await Array.fromAsync(
      engine.scan({ kind: "cells", space, prefix, after, limit: streamsAtOnce }),
    );
    // Read behind the page: a key that has notes in it and is not this one was destroyed.
    const present = await keys.keyIdOf(log, subject);
    const spared = present === undefined ? undefined : subjectStreams(log, subject, present).prefix;
    const old = page.filter(({ key }) => spared === undefined || !key.startsWith(spared));
    if (old.length > 0) yield old;
    if (page.length < streamsAtOnce) return;
    after = page.at(-1)?.key;
  }
}

/** Appends as every append does, so that inline views learn of it in the same commit. The new version also tells every process that its
 *  cached state of the stream is out of date. */
async function markStream(
  context: StoreContext,
  subject: string,
  { space, key, version, value: stream }: Cell,
): Promise<"marked" | "marked already"> {
  const batch = { stream, types: markerTypes, events: [{ type: "$erased", data: { subject } }] };
  try {
    await appendEvents(context, batch, {
      expected: "any",
      also: [
        { op: "put", cell: { space, key }, expect: version, value: undefined },
        { op: "put", cell: snapshotCell(context.log, stream), expect: "any", value: undefined },
      ],
    });
    return "marked";
  } catch (error) {
    // Another erasure of the same subject was here first.
    if (error instanceof RefusedError && error.refusal.kind === "cell-conflict" && error.refusal.cell.key === key)
      return "marked already";
    throw error;
  }
}
