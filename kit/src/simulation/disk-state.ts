import { KitError } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import { FileBytes } from "./disk-file.ts";

/** A disk could not do what it was asked. */
export class DiskError extends KitError {
  readonly code: "DISK_FULL" | "DISK_MISSING" | "DISK_FAULT";
  readonly retryable: boolean;

  constructor(code: DiskError["code"], message: string) {
    super(message);
    this.code = code;
    this.retryable = code === "DISK_FULL";
  }
}

/** What a disk does wrong, set by faults. */
export interface DiskFaults {
  /** Writes that need room are refused. */
  readonly full: "no" | "yes";
  /** Times as long as usual. */
  readonly slowness: number;
  /** Part of the reads in which one bit is flipped. */
  readonly flips: number;
  /** Part of the syncs that are told to be done and are not. */
  readonly lostSyncs: number;
  /** Part of the operations that fail. */
  readonly errors: number;
}

/** A disk without faults. */
export const soundDisk: DiskFaults = { full: "no", slowness: 1, flips: 0, lostSyncs: 0, errors: 0 };

/** Files by name, as programs see them and as they are on the disk. Names are one flat space; folders are parts of names. */
export class DiskState {
  readonly random: Random;
  #faults = soundDisk;
  #seen = new Map<string, FileBytes>();
  #durable = new Map<string, FileBytes>();
  /** Changes of names since the last sync of the names, each as the whole table after it. */
  #pending: ReadonlyMap<string, FileBytes>[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  /** What is wrong with it now. */
  get faults(): DiskFaults {
    return this.#faults;
  }

  /** Makes these things wrong, or right again; others stay as they are. */
  setFaults(faults: Partial<DiskFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
  }

  get names(): readonly string[] {
    return [...this.#seen.keys()].toSorted();
  }

  /** Changes of names and bytes that a power cut may take. */
  get pending(): number {
    return this.#seen.values().reduce((sum, file) => sum + file.pending, this.#pending.length);
  }

  file(name: string): FileBytes | undefined {
    return this.#seen.get(name);
  }

  create(name: string): FileBytes {
    const file = new FileBytes();
    this.#change((names) => names.set(name, file));
    return file;
  }

  rename(from: string, to: string): void {
    const file = this.#named(from);
    this.#change((names) => {
      names.delete(from);
      names.set(to, file);
    });
  }

  remove(name: string): void {
    this.#named(name);
    this.#change((names) => names.delete(name));
  }

  /** Marks the changes of names until now; the function makes them durable. */
  beginSyncNames(): () => void {
    const seen = this.#seen;
    return () => {
      const at = this.#pending.indexOf(seen);
      if (at === -1) return;
      this.#durable = new Map(seen);
      this.#pending = this.#pending.slice(at + 1);
    };
  }

  /** The power fails: names fall back to a moment since their last sync, bytes as {@link FileBytes.losePower} says. */
  losePower(): void {
    const kept = this.random.integer(0, this.#pending.length);
    const names = kept === 0 ? this.#durable : this.#pending[kept - 1];
    this.#seen = new Map(names);
    this.#durable = new Map(names);
    this.#pending = [];
    for (const file of this.#seen.values()) file.losePower(this.random);
  }

  #named(name: string): FileBytes {
    const file = this.#seen.get(name);
    if (file === undefined) throw new DiskError("DISK_MISSING", `there is no file ${name}`);
    return file;
  }

  #change(change: (names: Map<string, FileBytes>) => void): void {
    const names = new Map(this.#seen);
    change(names);
    this.#seen = names;
    this.#pending.push(names);
  }
}
