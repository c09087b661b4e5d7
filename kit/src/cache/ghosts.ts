import { none } from "./slots.ts";

const placesMin = 64;
// One bucket a key, so that hardly ever more than five share one: who chooses keys that do is not to make others wait.
const chainMax = 16;
/** Numbers of a place: the hash, and the number of who was told before it in its bucket. */
const width = 2;

/**
 * Remembers the hashes of the last `length` keys it was told. They lie in a ring in the order of telling, so that who is too old is known by
 * its number, and each bucket of a hash table is a chain through the ring from the newest on: what was told longer ago than is remembered
 * ends a chain, and is never taken out of it. 12 to 24 bytes a remembered key, all taken at first. Only of more than 16 keys in one bucket
 * is one forgotten early.
 */
export class Ghosts {
  #length = 0;
  #mask = 0;
  /** Number of the last that was told in each bucket. */
  #newest = new Int32Array(0);
  #ring = new Int32Array(0);
  /** The next number. Zeros in new columns are too old at first; goes round after 2^32, for ages are differences. */
  #told = 0x4000_0000;

  constructor(length: number) {
    this.grow(length);
  }

  add(hash: number): void {
    const ring = this.#ring;
    const told = this.#told;
    const bucket = hash & this.#mask;
    const place = (told & this.#mask) * width;
    ring[place] = hash;
    ring[place + 1] = this.#newest[bucket] ?? 0;
    this.#newest[bucket] = told;
    this.#told = (told + 1) | 0;
  }

  /** Whether it is remembered; it no longer is afterwards. */
  take(hash: number): boolean {
    const ring = this.#ring;
    const bucket = hash & this.#mask;
    let number = this.#newest[bucket] ?? 0;
    let newer = none;
    let newerAge = 0;
    for (let count = 0; count < chainMax; count++) {
      const age = (this.#told - number) >>> 0;
      // Ages rise along a chain; a number from before 2^32 others may seem young.
      if (age > this.#length || age <= newerAge) return false;
      const place = (number & this.#mask) * width;
      const older = ring[place + 1] ?? 0;
      if (ring[place] === hash) {
        if (newer === none) this.#newest[bucket] = older;
        else ring[newer + 1] = older;
        ring[place + 1] = number; // in no chain
        return true;
      }
      newer = place;
      newerAge = age;
      number = older;
    }
    return false;
  }

  /** Remembers more from now on. */
  grow(length: number): void {
    const places = Math.max(placesMin, 1 << (32 - Math.clz32(length - 1)));
    const [before, maskBefore, remembered] = [this.#ring, this.#mask, this.#length];
    this.#length = Math.max(1, length);
    if (places * width <= before.length) return;
    this.#mask = places - 1;
    this.#newest = new Int32Array(places);
    this.#ring = new Int32Array(places * width);
    const end = this.#told;
    for (this.#told = (end - places) | 0; this.#told !== end;) {
      const place = (this.#told & maskBefore) * width;
      const isRemembered = (end - this.#told) >>> 0 <= remembered && before[place + 1] !== this.#told;
      if (isRemembered) this.add(before[place] ?? 0);
      else this.#skip();
    }
  }

  /** Uses up a number, as if who had it was back already. */
  #skip(): void {
    this.#ring[(this.#told & this.#mask) * width + 1] = this.#told;
    this.#told = (this.#told + 1) | 0;
  }
}
