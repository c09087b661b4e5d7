import { type Codec, jsonCodec } from "../codec/mod.ts";
import type { Put } from "../engine/mod.ts";
import type { Rehydration, Versioned } from "./rehydration.ts";
import type { StoreContext } from "./store-context.ts";

const codec: Codec<unknown> = jsonCodec();

/** The cell of a stream's copy. */
export function snapshotCell(log: string, stream: string): { readonly space: string; readonly key: string } {
  return { space: `snapshot/${log}`, key: stream };
}

/** The copy that belongs to a step from `fromVersion` to `next`, if one is due. It goes into the commit of the append, so it never runs ahead. */
export function snapshotDue(
  context: StoreContext,
  step: Rehydration & { readonly fromVersion: number; readonly next: Versioned },
): Put | undefined {
  const rule = step.decider.snapshot;
  if (rule === undefined) return undefined;
  if (Math.floor(step.next.version / rule.everyEvents) === Math.floor(step.fromVersion / rule.everyEvents))
    return undefined;
  const value = `${step.next.version}:${rule.schema}:${codec.encode(step.next.state)}`;
  // A copy that does not fit is no reason to refuse the command: loading takes longer, and that is all.
  if (Buffer.byteLength(value) > context.engine.can.payloadBytesMax) return undefined;
  return { op: "put", cell: snapshotCell(context.log, step.stream), expect: "any", value };
}

/** The stored copy, when there is one of the present schema that does not lie behind the point asked for. */
export async function readSnapshot(context: StoreContext, request: Rehydration): Promise<Versioned | undefined> {
  const rule = request.decider.snapshot;
  const { asOf } = request;
  if (rule === undefined || (asOf !== undefined && "atMs" in asOf)) return undefined;
  const [cell] = await context.engine.get([snapshotCell(context.log, request.stream)]);
  const copy = cell === undefined ? undefined : parseSnapshot(cell.value, rule.schema);
  return copy === undefined || (asOf !== undefined && copy.version > asOf.version) ? undefined : copy;
}

/** A stored copy, if it is of this schema. */
export function parseSnapshot(text: string, schema: number): Versioned | undefined {
  const afterVersion = text.indexOf(":");
  const afterSchema = text.indexOf(":", afterVersion + 1);
  if (Number(text.slice(afterVersion + 1, afterSchema)) !== schema) return undefined;
  return { version: Number(text.slice(0, afterVersion)), state: codec.decode(text.slice(afterSchema + 1)) };
}
