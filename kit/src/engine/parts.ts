import { UnsupportedError } from "../errors/mod.ts";
import type { Change } from "./change.ts";
import type { Capabilities, EnginePart } from "./engine.ts";
import type { ScanQuery } from "./scan.ts";

/** What a whole engine keeps. */
export const everyPart: readonly EnginePart[] = ["messages", "cells", "events", "inbox"];

const partOfChange: Readonly<Record<Change["op"], EnginePart>> = {
  enqueue: "messages",
  settle: "messages",
  hold: "messages",
  wake: "messages",
  redrive: "messages",
  discard: "messages",
  flow: "messages",
  append: "events",
  put: "cells",
  check: "cells",
  seen: "inbox",
};

const partOfScan: Readonly<Record<ScanQuery["kind"], EnginePart>> = {
  queues: "messages",
  messages: "messages",
  cells: "cells",
  streams: "events",
};

/** Throws UnsupportedError for the first change of a part that the engine does not keep. */
export function refuseForeignChanges(can: Capabilities, changes: readonly Change[]): void {
  for (const { op } of changes) refuseForeignPart(can, partOfChange[op], `"${op}"`);
}

/** Throws UnsupportedError for a scan of a part that the engine does not keep. */
export function refuseForeignScan(can: Capabilities, { kind }: ScanQuery): void {
  refuseForeignPart(can, partOfScan[kind], `a scan of ${kind}`);
}

function refuseForeignPart(can: Capabilities, part: EnginePart, what: string): void {
  if (can.parts.includes(part)) return;
  const advice = `it keeps ${can.parts.join(", ")}; use an engine that keeps ${part} beside it`;
  throw new UnsupportedError(what, `engine ${can.engine}`, advice);
}
