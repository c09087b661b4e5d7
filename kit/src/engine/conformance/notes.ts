import { type Change, type Engine, type EnginePart } from "../mod.ts";
import { log } from "./calls.ts";

const space = "notes";

/** Whether the engine keeps that part: what concerns others as well is asked of it only then. */
export function keeps({ can }: Pick<Engine, "can">, part: EnginePart): boolean {
  return can.parts.includes(part);
}

/** Something that is written once, beside messages: an event at the start of a stream of {@link log} where the engine keeps events, a cell elsewhere. */
export function note(engine: Engine, name: string, text = "x"): Change {
  return keeps(engine, "events")
    ? { op: "append", log, stream: name, expected: "new", events: [{ type: "Noted", data: text }] }
    : { op: "put", cell: { space, key: name }, expect: "absent", value: text };
}

/** What was noted, by name. */
export async function notesOf(engine: Engine): Promise<ReadonlyMap<string, string>> {
  if (!keeps(engine, "events"))
    return new Map(
      (await Array.fromAsync(engine.scan({ kind: "cells", space }))).map(({ key, value }) => [key, value]),
    );
  const { events } = await engine.read({ log, after: 0, limit: 100_000 });
  return new Map(events.map(({ stream, data }) => [stream, data]));
}

export async function notedAs(engine: Engine, name: string): Promise<string | undefined> {
  return (await notesOf(engine)).get(name);
}
