import assert from "node:assert/strict";
import type { Engine } from "../mod.ts";
import { log, refused, storedIn } from "./calls.ts";
import type { Told } from "./crash-child.real.ts";
import { keeps, notesOf } from "./notes.ts";

/** Compares what killed processes told, each line after the engine had answered (`settling`: before it was asked), with what the engine has kept. Rejects when acknowledged work is lost, undone or doubled. */
export async function auditAcknowledged(engine: Engine, told: readonly Told[]): Promise<void> {
  assert(
    told.some((line) => line.kind === "settled") && told.some((line) => line.kind === "noted"),
    "there was work to lose",
  );
  await auditMessages(engine, told);
  auditTokens(told);
  const notes = await notesOf(engine);
  for (const { name } of told.filter((line) => line.kind === "noted")) await auditNote(engine, String(name), notes);
  if (keeps(engine, "events")) await auditPositions(engine, told);
}

async function auditMessages(engine: Engine, told: readonly Told[]): Promise<void> {
  const stored = new Map((await storedIn(engine)).map((message) => [message.id, message]));
  const settled = new Set(told.filter((line) => line.kind === "settled").map((line) => line.id));
  // Its settlement was sent, and the kill came before the answer: either is right.
  const settling = new Set(told.filter((line) => line.kind === "settling").map((line) => line.id));
  const added = told.filter((line) => line.kind === "added");
  assert.equal(new Set(added.map((line) => line.id)).size, added.length, "no id is used twice, across all processes");
  for (const { id = "", name } of added) {
    if (settled.has(id)) assert(!stored.has(id), `message ${id} is gone for good once its ack was acknowledged`);
    else if (!settling.has(id)) assert.equal(stored.get(id)?.body, name, `message ${id} was acknowledged and is kept`);
  }
}

/** Each time a message is handed out, by whichever process, its token is higher. */
function auditTokens(told: readonly Told[]): void {
  const tokens = new Map<string, number>();
  for (const { kind, id = "", token = 0 } of told) {
    if (kind !== "settling") continue;
    assert(token > (tokens.get(id) ?? 0), `the token of message ${id} rises`);
    tokens.set(id, token);
  }
}

/** Each event is where its writer was told that it is. */
async function auditPositions(engine: Engine, told: readonly Told[]): Promise<void> {
  const { events } = await engine.read({ log, after: 0, limit: 100_000 });
  const byPosition = new Map(events.map((event) => [event.position, event]));
  for (const { name, position } of told.filter((line) => line.kind === "noted")) {
    const event = byPosition.get(Number(position));
    assert.deepEqual([event?.stream, event?.data, event?.version], [`s-${name}`, name, 1]);
  }
}

/** The note, cell and inbox entry of one commit are all there. */
async function auditNote(engine: Engine, name: string, notes: ReadonlyMap<string, string>): Promise<void> {
  assert.equal(notes.get(`s-${name}`), name);
  const [cell] = await engine.get([{ space: "busy", key: name }]);
  assert.equal(cell?.value, name);
  await refused(engine, { op: "seen", consumer: "busy", id: name, keepMs: 1 });
}
