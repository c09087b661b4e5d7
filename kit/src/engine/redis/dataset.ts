import type { Clock } from "../../clock/mod.ts";
import type { RedisDatabase, RedisReply, RedisScript, RedisWord } from "../../drivers/redis/mod.ts";
import { invariant } from "../../errors/mod.ts";
import type { ServerClock } from "../server-clock.ts";
import { StorageError } from "../errors.ts";
import { engineFault, lostData } from "./faults.ts";
import type { ResolvedOptions } from "./options.ts";
import { scripts } from "./scripts.ts";

const format = "1";

/** The keys under one prefix, as they were when the engine was opened. */
export interface Dataset {
  readonly database: RedisDatabase;
  readonly keys: string;
  /** The key that all scripts name. */
  readonly meta: string;
  /** Drawn when the data set was made: another one means that this one is gone. */
  readonly epoch: string;
  /** The server's run that the data set was written on when it was opened. */
  readonly run: string;
  readonly clock: Clock;
  readonly serverClock: ServerClock | undefined;
}

/** Opens the data set, or makes it when there is none. Throws StorageError when a newer version has made it. */
export async function openDataset(database: RedisDatabase, options: ResolvedOptions): Promise<Dataset> {
  const { keys, clock, serverClock, random } = options;
  const meta = `${keys}meta`;
  const own = `${random.integer(0, 2 ** 48).toString(36)}-${random.integer(0, 2 ** 48).toString(36)}`;
  const reply = await database.run(scripts.open, { keys: [meta], values: [own] });
  const [found, epoch, run] = listOf(reply);
  if (found !== format || typeof epoch !== "string")
    throw new StorageError(
      "other",
      `the data under ${keys} has format ${String(found)}, this version knows ${format}: update the program`,
    );
  const dataset = { database, keys, meta, epoch, run: String(run), clock, serverClock };
  await readServerClock(dataset);
  return dataset;
}

/** Runs a script that changes nothing, or may be run again without harm. Rejects with StorageError. */
export async function ask(
  dataset: Dataset,
  script: RedisScript,
  values: readonly RedisWord[],
): Promise<readonly RedisReply[]> {
  try {
    return await askOnce(dataset, script, values);
  } catch (error) {
    throw engineFault(error);
  }
}

/** The same, rejecting with RedisError, of which some pass. */
export async function askOnce(
  dataset: Dataset,
  script: RedisScript,
  values: readonly RedisWord[],
): Promise<readonly RedisReply[]> {
  const { database, meta, epoch, clock } = dataset;
  const words = [epoch, String(clock.now()), ...values];
  const [kind, ...rest] = listOf(await database.run(script, { keys: [meta], values: words, effect: "none" }));
  if (kind === "LOST") throw lostData(dataset.keys);
  return rest;
}

/** Compares the engine's clock with the server's. */
export async function readServerClock({ database, serverClock }: Dataset): Promise<void> {
  if (serverClock === undefined) return;
  const sentMs = serverClock.monotonic();
  const [seconds, microseconds] = listOf(await database.send(["TIME"], { effect: "none" }));
  const serverMs = Number(seconds) * 1000 + Number(microseconds) / 1000;
  serverClock.anchor(serverMs, { sentMs, receivedMs: serverClock.monotonic() });
}

/** A reply that is a list. */
export function listOf(reply: RedisReply | undefined): readonly RedisReply[] {
  invariant(Array.isArray(reply), "the engine's scripts answer with lists");
  return reply as readonly RedisReply[];
}
