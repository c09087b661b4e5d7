import type { Change } from "../engine/mod.ts";
import { UnsupportedError } from "../errors/mod.ts";
import { subjectStreams } from "./seal-events.ts";
import { snapshotCell } from "./snapshot.ts";
import type { StoreContext } from "./store-context.ts";

const streamsAtOnce = 200;

/** Destroys the subject's key, then marks the streams that hold its data and drops their snapshots. The first commit makes the data
 *  unreadable; the rest may be repeated after a crash. Returns how many streams were marked. */
export async function eraseSubject(context: StoreContext, subject: string): Promise<number> {
  const { keys, engine, log } = context;
  if (keys === undefined)
    throw new UnsupportedError("erasure", `the event store "${log}"`, "open it with keys: await openSubjectKeys(…)");
  await engine.commit([{ op: "put", cell: keys.cellOf(log, subject), expect: "any", value: undefined }]);
  const { space, prefix } = subjectStreams(log, subject);
  const data = JSON.stringify({ subject });
  let marked = 0;
  // Every sealed append checks the key in its own commit, so from here on no stream can be added to the list.
  for (;;) {
    const changes: Change[] = [];
    for await (const { key, value: stream } of engine.scan({ kind: "cells", space, prefix, limit: streamsAtOnce })) {
      changes.push(
        // The new version tells every process that its cached state of this stream is out of date.
        { op: "append", log, stream, expected: "any", events: [{ type: "$erased", data }] },
        { op: "put", cell: snapshotCell(log, stream), expect: "any", value: undefined },
        { op: "put", cell: { space, key }, expect: "any", value: undefined },
      );
      context.cache.drop(stream);
    }
    if (changes.length === 0) return marked;
    await engine.commit(changes);
    marked += changes.length / 3;
  }
}
