// How often keys were seen lately, roughly: four counters a key, the least of which is believed, all halved from time to time.
// Source: Cormode and Muthukrishnan 2005 (count-min); Einziger, Friedman and Manes, "TinyLFU", ACM ToS 2017 (ageing, four bits).

const rows = 4;
const countMax = 15;
const seeds = [0x51ed_270b, 0x2545_f491, 0x6a09_e667, 0x3c6e_f372] as const;

/** Counts from 0 to 15. 16 to 32 bytes an expected entry. Counting is O(1), save that one in 16 times `entries` halves all. */
export class FrequencySketch {
  #counters = new Uint8Array(0);
  #mask = 0;
  #sampleMax = 0;
  #counted = 0;

  constructor(entries: number) {
    this.grow(entries);
  }

  /** Seen so often, never less than in truth since the last halving. */
  of(hash: number): number {
    let least = countMax;
    for (let row = 0; row < rows; row++) least = Math.min(least, this.#counters[this.#place(hash, row)] ?? 0);
    return least;
  }

  count(hash: number): void {
    let isNews = false;
    for (let row = 0; row < rows; row++) {
      const place = this.#place(hash, row);
      const counter = this.#counters[place] ?? 0;
      if (counter === countMax) continue;
      this.#counters[place] = counter + 1;
      isNews = true;
    }
    if (isNews && ++this.#counted >= this.#sampleMax) this.#halve();
  }

  /** Makes room for more entries. What was counted is forgotten: it takes a moment to learn it again. */
  grow(entries: number): void {
    const width = 4 << Math.max(8, 32 - Math.clz32(Math.min(entries, widthMax) - 1));
    if (width * rows <= this.#counters.length) return;
    this.#counters = new Uint8Array(width * rows);
    this.#mask = width - 1;
    this.#sampleMax = Math.max(16, entries) * sampleFactor;
    this.#counted = 0;
  }

  #place(hash: number, row: number): number {
    let mixed = Math.imul(hash ^ (seeds[row] ?? 0), 0x9e37_79b1);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x85eb_ca6b);
    return ((mixed ^ (mixed >>> 13)) & this.#mask) * rows + row;
  }

  /** Four counters at a time. */
  #halve(): void {
    const words = new Uint32Array(this.#counters.buffer);
    for (let index = 0; index < words.length; index++) words[index] = ((words[index] ?? 0) >>> 1) & 0x7f7f_7f7f;
    this.#counted >>>= 1;
  }
}

const sampleFactor = 16;
const widthMax = 1 << 26;
