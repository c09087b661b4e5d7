import { lastMessage, messageAt, type NatsConnection, NatsError, publish, purge } from "../../drivers/nats/mod.ts";
import { StorageError } from "../errors.ts";
import { formatVersion } from "./command.ts";
import { Fold } from "./fold.ts";
import { readState, writeState } from "./state-text.ts";

/** Where an engine keeps what. */
export interface Names {
  readonly commands: string;
  readonly commandSubject: string;
  readonly snapshots: string;
  /** Its last message tells of the newest snapshot that is whole. */
  readonly newestSubject: string;
}

export function namesOf(stream: string): Names {
  return {
    commands: stream,
    commandSubject: `${stream}.commands`,
    snapshots: `${stream}-snapshots`,
    newestSubject: `${stream}.snapshot`,
  };
}

/** What the last message of `newestSubject` says. */
interface Newest {
  readonly version: number;
  /** The snapshot holds what the commands up to this sequence made. */
  readonly covers: number;
  /** Where its parts lie. */
  readonly parts: readonly number[];
  readonly partSubject: string;
  /** Where the snapshot before it is told of; it stays until there is a newer one than this. */
  readonly former?: number | undefined;
}

/** A state and the sequence of the last command in it. */
export interface Snapshot {
  readonly fold: Fold;
  readonly covers: number;
}

// A snapshot that is replaced while it is read is read anew.
const readsMax = 5;
const partsAtOnce = 8;
const decoder = new TextDecoder();

/** The newest snapshot that is whole, which may be the one before the newest; an empty state when there is none. Throws NatsError, StorageError. */
export async function loadSnapshot(connection: NatsConnection, names: Names): Promise<Snapshot> {
  for (let read = 1; ; read++) {
    const newest = await newestOf(connection, names);
    if (newest === undefined) return { fold: new Fold(), covers: 0 };
    // The commands behind the former one are there still, unless all were purged at once.
    const former = read === readsMax ? await formerOf(connection, names, newest) : undefined;
    for (const each of former === undefined ? [newest] : [newest, former]) {
      const texts = await readParts(connection, names, each);
      if (texts !== undefined) return { fold: readState(texts), covers: each.covers };
    }
    if (read === readsMax)
      throw new StorageError(
        "corrupt",
        `parts of the snapshot ${newest.covers} in stream "${names.snapshots}" are missing`,
      );
  }
}

async function newestOf(
  connection: NatsConnection,
  names: Names,
): Promise<(Newest & { readonly sequence: number }) | undefined> {
  const message = await lastMessage(connection, names.snapshots, names.newestSubject);
  if (message === undefined) return undefined;
  const newest = JSON.parse(decoder.decode(message.data)) as Newest;
  if (newest.version > formatVersion)
    throw new StorageError(
      "other",
      `the snapshot has version ${newest.version}, this process knows ${formatVersion}: run the newer code`,
    );
  return { ...newest, sequence: message.sequence };
}

async function formerOf(connection: NatsConnection, names: Names, { former }: Newest): Promise<Newest | undefined> {
  const message = former === undefined ? undefined : await messageAt(connection, names.snapshots, former);
  return message === undefined ? undefined : (JSON.parse(decoder.decode(message.data)) as Newest);
}

async function readParts(
  connection: NatsConnection,
  names: Names,
  newest: Newest,
): Promise<readonly string[] | undefined> {
  const texts: string[] = [];
  for (let from = 0; from < newest.parts.length; from += partsAtOnce) {
    const sequences = newest.parts.slice(from, from + partsAtOnce);
    const parts = await Promise.all(sequences.map((sequence) => messageAt(connection, names.snapshots, sequence)));
    for (const part of parts) {
      if (part?.subject !== newest.partSubject) return undefined;
      texts.push(decoder.decode(part.data));
    }
  }
  return texts;
}

/** What a snapshot is written from. */
export interface Writing extends Snapshot {
  /** Tells the snapshots of processes apart that write at the same time. */
  readonly writer: string;
}

/**
 * Writes a snapshot in parts, and then that it is the newest one; what came before the one before it is removed. `covered` when there is one that goes as far or further,
 * `superseded` when another process was first, whose snapshot may not go as far; nothing of this one stays then, nor when there was no room for it. The texts are made before anything is awaited, so that they show one moment. Rejects with NatsError.
 */
export async function writeSnapshot(
  connection: NatsConnection,
  names: Names,
  { fold, covers, writer }: Writing,
): Promise<"written" | "covered" | "superseded"> {
  // Headers and the protocol's own words need room too.
  const texts = [...writeState(fold, Math.floor(connection.messageBytesMax / 2))];
  const before = await newestOf(connection, names);
  if (before !== undefined && before.covers >= covers) return "covered";
  const partSubject = `${names.newestSubject}.${covers}.${writer}`;
  const parts: number[] = [];
  try {
    // Without ids: a part that was purged must not be dropped as a repeat when it is written again.
    for (const data of texts) parts.push((await publish(connection, { subject: partSubject, data })).sequence);
  } catch (error) {
    // What is left of it would take the room that the next one needs.
    await purge(connection, names.snapshots, { subject: partSubject }).catch(() => undefined);
    throw error;
  }
  const newest: Newest = { version: formatVersion, covers, parts, partSubject, former: before?.sequence };
  try {
    await publish(connection, {
      subject: names.newestSubject,
      data: JSON.stringify(newest),
      lastOfSubject: before?.sequence ?? 0,
    });
  } catch (error) {
    if (!(error instanceof NatsError) || error.reason !== "conflict") throw error;
    await purge(connection, names.snapshots, { subject: partSubject });
    return "superseded";
  }
  await purge(connection, names.snapshots, { before: before?.parts[0] ?? parts[0] ?? 0 });
  return "written";
}
