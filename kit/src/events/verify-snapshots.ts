import { canonicalJson } from "../codec/mod.ts";
import type { AnyDecider } from "./decider.ts";
import { rehydrate } from "./rehydrate.ts";
import { parseSnapshot, snapshotCell } from "./snapshot.ts";
import type { StoreContext } from "./store-context.ts";

/** Compares the copies of up to `limit` streams with what their events give; returns the streams that differ, sound when empty. */
export async function verifySnapshots(
  context: StoreContext,
  decider: AnyDecider,
  limit: number,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  const { space, key } = snapshotCell(context.log, `${decider.name}/`);
  for await (const cell of context.engine.scan({ kind: "cells", space, prefix: key, limit })) {
    const copy = decider.snapshot === undefined ? undefined : parseSnapshot(cell.value, decider.snapshot.schema);
    if (copy === undefined) continue;
    const from = { version: 0, state: decider.initial() };
    const replayed = await rehydrate(context, { decider, stream: cell.key, from, asOf: { version: copy.version } });
    const isSame = replayed.version === copy.version && canonicalJson(replayed.state) === canonicalJson(copy.state);
    if (!isSame) wrong.push(cell.key);
  }
  return wrong;
}
