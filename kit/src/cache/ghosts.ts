const ways = 4;
const bucketsMin = 64;
/** Numbers of a place: the hash, and how many had been told when this one was. */
const width = 2;

/**
 * Remembers the hashes of the last `length` keys it was told: a table of buckets of four, as many buckets as keys, so that one in
 * some hundred is forgotten early. One line of memory is touched an operation; 32 to 64 bytes a remembered key, all taken at first.
 */
export class Ghosts {
  #length = 0;
  #mask = 0;
  #places = new Int32Array(0);
  /** Goes round after 2^32: ages are differences, and a place is used again long before. */
  #told = 0;

  constructor(length: number) {
    this.grow(length);
  }

  add(hash: number): void {
    const places = this.#places;
    const told = this.#told;
    const bucket = (hash & this.#mask) * ways * width;
    let oldest = bucket;
    let oldestAge = -1;
    for (let place = bucket; place < bucket + ways * width; place += width) {
      const age = (told - (places[place + 1] ?? 0)) >>> 0;
      if (age <= oldestAge) continue;
      oldest = place;
      oldestAge = age;
    }
    this.#told = (told + 1) | 0;
    places[oldest] = hash;
    places[oldest + 1] = this.#told;
  }

  /** Whether it is remembered; it no longer is afterwards. */
  take(hash: number): boolean {
    const places = this.#places;
    const bucket = (hash & this.#mask) * ways * width;
    for (let place = bucket; place < bucket + ways * width; place += width) {
      if (places[place] !== hash || (this.#told - (places[place + 1] ?? 0)) >>> 0 >= this.#length) continue;
      places[place + 1] = this.#tooOld();
      return true;
    }
    return false;
  }

  /** Remembers more from now on. */
  grow(length: number): void {
    const buckets = 1 << Math.max(Math.log2(bucketsMin), 32 - Math.clz32(length - 1));
    const before = this.#places;
    const lengthBefore = this.#length;
    this.#length = Math.max(1, length);
    if (buckets * ways * width <= before.length) return;
    this.#mask = buckets - 1;
    this.#places = new Int32Array(buckets * ways * width).fill(this.#tooOld());
    for (let place = 0; place < before.length; place += width) {
      const number = before[place + 1] ?? 0;
      if ((this.#told - number) >>> 0 < lengthBefore) this.#copy(before[place] ?? 0, number);
    }
  }

  #copy(hash: number, number: number): void {
    const bucket = (hash & this.#mask) * ways * width;
    for (let place = bucket; place < bucket + ways * width; place += width) {
      if (this.#places[place + 1] !== this.#tooOld()) continue;
      this.#places[place] = hash;
      this.#places[place + 1] = number;
      return;
    }
  }

  /** A number that is not remembered. */
  #tooOld(): number {
    return (this.#told - 0x8000_0000) | 0;
  }
}
