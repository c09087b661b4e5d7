import type { Counters } from "./counters.ts";
import type { FileBytes } from "./disk-file.ts";
import { DiskError, type DiskState } from "./disk-state.ts";
import type { EventSource, Strand } from "./event-source.ts";
import type { Kernel } from "./kernel.ts";
import { drawLatency, type Latency } from "./latency.ts";

/**
 * The files of a machine. A change is seen at once by whoever reads, and is on the disk only after a sync of the file; a file's name only after
 * `syncNames`. A crash of the process loses nothing of it; a power cut keeps, drops or tears each change that was not synced.
 */
export interface Disk {
  /** Opens a file; `create` makes an empty one when there is none. Rejects with {@link DiskError}. */
  open(name: string, ifMissing?: "create" | "fail"): Promise<DiskFile>;
  /** Replaces what was called `to`. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** All names, sorted. */
  list(): Promise<readonly string[]>;
  /** Makes the names durable: of files that were made, renamed and removed until now. */
  syncNames(): Promise<void>;
}

/** An open file. */
export interface DiskFile {
  readonly size: number;
  /** The bytes from `offset` on, fewer than `length` at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Not durable before `sync`. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  append(bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Makes everything that was written before it durable. */
  sync(): Promise<void>;
}

const readTime: Latency = { kind: "exponential", minMs: 0.05, meanMs: 0.15 };
const writeTime: Latency = { kind: "exponential", minMs: 0.01, meanMs: 0.05 };
const syncTime: Latency = { kind: "exponential", minMs: 0.5, meanMs: 3 };

/** The disk of a machine as one process sees it: what it asks for takes time, and nothing of it ends after the process is dead. */
export class ProcessDisk implements Disk {
  readonly #state: DiskState;
  readonly #kernel: Kernel;
  readonly #counters: Counters;
  readonly #source: EventSource;
  #isDead = false;

  constructor(
    state: DiskState,
    parts: { readonly kernel: Kernel; readonly strand: Strand; readonly counters: Counters },
  ) {
    this.#state = state;
    this.#kernel = parts.kernel;
    this.#counters = parts.counters;
    this.#source = parts.kernel.source(parts.strand, "disk");
  }

  async open(name: string, ifMissing: "create" | "fail" = "create"): Promise<DiskFile> {
    const found = await this.does(readTime, () => {
      const file = this.#state.file(name);
      if (file !== undefined) return file;
      if (ifMissing === "fail") throw new DiskError("DISK_MISSING", `there is no file ${name}`);
      return this.#state.create(name);
    });
    return new OpenFile(name, found, this);
  }

  rename(from: string, to: string): Promise<void> {
    return this.does(writeTime, () => this.#state.rename(from, to));
  }

  remove(name: string): Promise<void> {
    return this.does(writeTime, () => this.#state.remove(name));
  }

  list(): Promise<readonly string[]> {
    return this.does(readTime, () => this.#state.names);
  }

  syncNames(): Promise<void> {
    return this.syncs(this.#state.beginSyncNames());
  }

  die(): void {
    this.#isDead = true;
  }

  /** Reads, perhaps with a bit flipped. */
  async reads(file: FileBytes, offset: number, length: number): Promise<Uint8Array> {
    return await this.does(readTime, () => {
      const bytes = file.read(offset, length);
      const { random, faults } = this.#state;
      if (bytes.length > 0 && random.next() < faults.flips) {
        const at = random.integer(0, bytes.length - 1);
        bytes[at] = (bytes[at] as number) ^ (1 << random.integer(0, 7));
        this.#counters.count("disk: bit flipped");
      }
      return bytes;
    });
  }

  /** Changes at once what is seen; tells a moment later. */
  changes(name: string, change: () => void): Promise<void> {
    if (this.#isDead) return new Promise(() => undefined);
    const { faults } = this.#state;
    if (faults.full === "yes") {
      this.#counters.count("disk: full");
      return this.does(writeTime, () => {
        throw new DiskError("DISK_FULL", `no room for ${name}`);
      });
    }
    change();
    return this.does(writeTime, () => undefined);
  }

  async syncs(done: () => void): Promise<void> {
    const { random, faults } = this.#state;
    const isLost = random.next() < faults.lostSyncs;
    await this.does(syncTime, () => {
      if (isLost) this.#counters.count("disk: sync lost");
      else done();
    });
  }

  /** Does something after the time that it takes; never when the process dies before. */
  does<T>(time: Latency, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isDead) return;
      const { random, faults } = this.#state;
      const atMs = this.#kernel.nowMs + drawLatency(time, random) * faults.slowness;
      const fails = random.next() < faults.errors;
      this.#kernel.schedule(this.#source, atMs, () => {
        try {
          if (fails) throw new DiskError("DISK_FAULT", "the disk could not read or write");
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

class OpenFile implements DiskFile {
  readonly #name: string;
  readonly #file: FileBytes;
  readonly #disk: ProcessDisk;

  constructor(name: string, file: FileBytes, disk: ProcessDisk) {
    this.#name = name;
    this.#file = file;
    this.#disk = disk;
  }

  get size(): number {
    return this.#file.size;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#disk.reads(this.#file, offset, length);
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#disk.changes(this.#name, () => this.#file.write(offset, bytes));
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#disk.changes(this.#name, () => this.#file.write(this.#file.size, bytes));
  }

  truncate(size: number): Promise<void> {
    return this.#disk.changes(this.#name, () => this.#file.truncate(size));
  }

  sync(): Promise<void> {
    return this.#disk.syncs(this.#file.beginSync());
  }
}
