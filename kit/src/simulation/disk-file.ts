import type { Random } from "../random/mod.ts";

/** A change of a file that is in memory, and on the disk only after the next sync. */
type Pending = { readonly number: number } & (
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly size: number }
);

/** What a disk writes as a whole: a torn write ends at such a boundary. */
const sectorBytes = 512;

/** The bytes of one file: what programs see, what is on the disk, and what lies between. */
export class FileBytes {
  /** The first `#size` bytes are the file. */
  #seen = new Uint8Array(0);
  #size = 0;
  #durable = new Uint8Array(0);
  #pending: Pending[] = [];
  #changes = 0;
  /** Changes up to this number are settled. */
  #settled = 0;

  get size(): number {
    return this.#size;
  }

  /** Changes that a power cut may take. */
  get pending(): number {
    return this.#pending.length;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#seen.slice(offset, Math.min(offset + length, this.#size));
  }

  write(offset: number, bytes: Uint8Array): void {
    const copy = bytes.slice();
    this.#pending.push({ number: ++this.#changes, kind: "write", offset, bytes: copy });
    this.#put(offset, copy);
  }

  truncate(size: number): void {
    this.#pending.push({ number: ++this.#changes, kind: "truncate", size });
    this.#resize(size);
  }

  /** Marks what is pending now; the function makes that durable. */
  beginSync(): () => void {
    const covered = this.#changes;
    const bytes = this.read(0, this.#size);
    return () => {
      // Otherwise a sync that began later was faster, or the power has failed meanwhile.
      if (covered <= this.#settled) return;
      this.#settled = covered;
      this.#durable = bytes;
      this.#pending = this.#pending.filter(({ number }) => number > covered);
    };
  }

  /** The power fails: each pending change is kept, dropped, or torn, by chance, whatever the order in which they were made. */
  losePower(random: Random): void {
    const pending = this.#pending;
    this.#pending = [];
    this.#settled = this.#changes;
    this.#seen = this.#durable.slice();
    this.#size = this.#durable.length;
    for (const change of pending) this.#settle(change, random);
    this.#durable = this.read(0, this.#size);
  }

  #settle(change: Pending, random: Random): void {
    const fate = random.next();
    if (fate < 0.4) return;
    if (change.kind === "truncate") return this.#resize(change.size);
    const { offset, bytes } = change;
    if (fate < 0.8) return this.#put(offset, bytes);
    const sectors = random.integer(0, Math.ceil(bytes.length / sectorBytes));
    // A write within one sector is torn at a byte: what appends to a log does not know about sectors.
    const kept = bytes.length <= sectorBytes ? random.integer(0, bytes.length) : sectors * sectorBytes;
    this.#put(offset, bytes.subarray(0, kept));
  }

  #put(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#size) this.#resize(end);
    this.#seen.set(bytes, offset);
  }

  #resize(size: number): void {
    if (size > this.#seen.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#seen.length));
      grown.set(this.#seen.subarray(0, this.#size));
      this.#seen = grown;
    } else if (size < this.#size) this.#seen.fill(0, size, this.#size);
    this.#size = size;
  }
}
