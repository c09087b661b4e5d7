import { purge } from "../../drivers/nats/mod.ts";
import type { Replica, ReplicaPlace } from "./replica.ts";
import { writeSnapshot } from "./snapshots.ts";

/** What a compaction goes by. */
export interface CompactionPlace extends ReplicaPlace {
  readonly replica: Replica;
  readonly snapshotCommands: number;
  readonly snapshotBytes: number;
  /** Tells all processes, through the stream, how far the snapshot goes. */
  readonly announce: (covers: number) => Promise<void>;
}

/** Keeps the stream of commands short: from time to time this process writes a snapshot, and what lies before the one before it is purged. So a
 *  process that is some commands behind still finds them, and only one that is far behind loads the snapshot. */
export class Compaction {
  readonly #place: CompactionPlace;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(place: CompactionPlace) {
    this.#place = place;
  }

  /** Called after each command of this process. The process whose command finds that one is due writes it; should it die, the next one does. */
  afterCommand(): void {
    const { replica, snapshotCommands, snapshotBytes } = this.#place;
    const commands = replica.applied - replica.fold.covered;
    if (commands < snapshotCommands && replica.bytesSinceCover < snapshotBytes) return;
    if (this.#running !== undefined || this.#isClosed) return;
    const before = replica.fold.covered;
    // It is tried again with the next command.
    void this.#start(before).catch(() => undefined);
  }

  /** Writes a snapshot now and purges all that it covers. `false` when the stream holds nothing that could go. Rejects with NatsError. */
  async now(): Promise<boolean> {
    await this.#running?.catch(() => undefined);
    const { replica, connection, names } = this.#place;
    const covers = replica.applied;
    if (covers === 0) return false;
    const writing = { fold: replica.fold, covers, writer: this.#place.proposer };
    // What another process was first with may go less far: then nothing may be purged here.
    if ((await writeSnapshot(connection, names, writing)) === "superseded") return true;
    await purge(connection, names.commands, { before: covers + 1 });
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running?.catch(() => undefined);
  }

  #start(before: number): Promise<void> {
    this.#running = this.#write(before).finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #write(before: number): Promise<void> {
    const { connection, names, replica, announce } = this.#place;
    const covers = replica.applied;
    const outcome = await writeSnapshot(connection, names, {
      fold: replica.fold,
      covers,
      writer: this.#place.proposer,
    });
    if (outcome !== "written") return;
    if (before > 0) await purge(connection, names.commands, { before: before + 1 });
    await announce(covers);
  }
}
