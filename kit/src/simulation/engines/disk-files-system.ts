import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Random } from "../../random/mod.ts";

/** What of the bytes that were written and not synced reaches the medium when the power fails. */
export type Tear = "nothing" | "everything" | "a beginning" | "some sectors";

/** What a disk writes as a whole or not at all. */
const sectorBytes = 512;
const folderInMemory = "/dev/shm";

/** A database and its log in a folder of their own, of which copies are made as a power cut would leave them. */
export class DiskFiles implements Disposable {
  readonly #folder: string;
  #life = 0;
  #keeper: DatabaseSync | undefined;
  /** What of the log is known to be on the medium. */
  #syncedLog: Buffer = Buffer.alloc(0);

  constructor() {
    // The simulated power cut does not ask what the real disk has, so the files may as well lie in memory.
    this.#folder = mkdtempSync(join(existsSync(folderInMemory) ? folderInMemory : tmpdir(), "ashlar-simulation-"));
    mkdirSync(join(this.#folder, "0"));
  }

  get path(): string {
    return join(this.#folder, String(this.#life), "data.db");
  }

  /** Keeps the log from being copied and removed when the last process goes, as `kill -9` leaves it. To be called once there is a database. */
  keep(): void {
    if (this.#keeper !== undefined) return;
    this.#keeper = new DatabaseSync(this.path, { readOnly: true });
    this.#keeper.exec("pragma user_version");
  }

  readLog(): Buffer {
    const path = `${this.path}-wal`;
    return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  }

  readDatabase(): Buffer {
    return readFileSync(this.path);
  }

  /** The log has reached the medium as it is now. */
  logSynced(): void {
    this.#syncedLog = this.readLog();
  }

  /**
   * Goes on with copies of the files as the power cut leaves them. Nobody may use the old ones any more. `database`: its
   * content, where that is not simply that of the file.
   */
  powerCut(image: { readonly log: Buffer; readonly database?: Buffer | undefined }): void {
    const database = image.database ?? this.readDatabase();
    this.#keeper?.close();
    this.#keeper = undefined;
    this.#life++;
    mkdirSync(join(this.#folder, String(this.#life)));
    writeFileSync(this.path, database);
    writeFileSync(`${this.path}-wal`, image.log);
    this.#syncedLog = image.log;
    rmSync(join(this.#folder, String(this.#life - 1)), { recursive: true });
  }

  /** The log when only what is known to be synced is certain. */
  tornLog(tear: Tear, random: Random): Buffer {
    return torn({ before: this.#syncedLog, after: this.readLog(), tear }, random);
  }

  [Symbol.dispose](): void {
    this.#keeper?.close();
    this.#keeper = undefined;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

// The header of a log that begins anew is synced before any page follows it.
const logHeaderBytes = 32;

/** The bytes of a file of which only `before` was synced: each sector that differs is the old or the new one. */
export function torn(
  { before, after, tear }: { readonly before: Buffer; readonly after: Buffer; readonly tear: Tear },
  random: Random,
): Buffer {
  const image = Buffer.from(after);
  const sectors = Math.ceil(after.length / sectorBytes);
  const beginning = tear === "a beginning" ? random.integer(0, sectors) : 0;
  for (let sector = 0; sector < sectors; sector++) {
    const isKept = { nothing: false, everything: true, "a beginning": sector < beginning, "some sectors": false }[tear];
    if (isKept || (tear === "some sectors" && random.next() < 0.5)) continue;
    const from = sector === 0 ? logHeaderBytes : sector * sectorBytes;
    const to = Math.min(after.length, (sector + 1) * sectorBytes);
    image.fill(0, from, to);
    if (from < before.length) before.copy(image, from, from, Math.min(to, before.length));
  }
  return image;
}
