import type { EventSource } from "./event-source.ts";

/** One event that was fired, for people. */
export interface FiredEvent {
  /** 1, 2, 3 … since the start of the run. */
  readonly number: number;
  readonly atMs: number;
  readonly strand: string;
  readonly what: string;
  /** What the event said about itself. */
  readonly notes: readonly string[];
}

const remembered = 1_024;

/**
 * The fingerprint of a run, and its last events. Two runs with the same fingerprint fired the same events, at the same times, in the same
 * order; texts of errors and stacks are not part of it, for they differ between machines.
 */
export class Trace {
  #high = 0x9e3779b9;
  #low = 0x85ebca6b;
  #count = 0;
  readonly #double = new Float64Array(1);
  readonly #words = new Uint32Array(this.#double.buffer);
  // They grow up to `remembered`: most runs of a fleet are short, and room that is not used costs as much as the run's first events.
  readonly #times: number[] = [];
  readonly #sources: EventSource[] = [];
  readonly #notes: (unknown[] | undefined)[] = [];

  /** Events fired so far. */
  get count(): number {
    return this.#count;
  }

  get hash(): string {
    return hexOf(finished(this.#high)) + hexOf(finished(this.#low ^ this.#count));
  }

  fired(source: EventSource, atMs: number, order: number): void {
    this.#mixNumber(atMs);
    this.#mix(source.code, order | 0);
    const place = this.#count++ % remembered;
    this.#times[place] = atMs;
    this.#sources[place] = source;
    this.#notes[place] = undefined;
  }

  /** Adds to the event that runs now; `value` is made to text only when somebody reads it. Not part of the fingerprint. */
  note(value: unknown): void {
    if (this.#count === 0) return;
    (this.#notes[(this.#count - 1) % remembered] ??= []).push(value);
  }

  /** Makes a text or number part of the fingerprint: an answer that was given, a value that was read. */
  mark(value: string | number): void {
    if (typeof value === "number") return this.#mixNumber(value);
    this.#mix(value.length, 0x1234567);
    for (let index = 0; index < value.length; index++) this.#mix(value.charCodeAt(index), index);
  }

  /** The last events, at most 1,024, oldest first. */
  lastEvents(countMax: number = remembered): readonly FiredEvent[] {
    const count = Math.min(this.#count, remembered, countMax);
    return Array.from({ length: count }, (_, index) => {
      const number = this.#count - count + index + 1;
      const place = (number - 1) % remembered;
      const source = this.#sources[place];
      return {
        number,
        atMs: this.#times[place] ?? 0,
        strand: source?.strand.name ?? "",
        what: source?.name ?? "",
        notes: (this.#notes[place] ?? []).map(String),
      };
    });
  }

  #mixNumber(value: number): void {
    this.#double[0] = value;
    this.#mix(this.#words[0] as number, this.#words[1] as number);
  }

  #mix(left: number, right: number): void {
    const high = Math.imul(this.#high ^ left, 0xcc9e2d51);
    this.#high = Math.imul((high << 13) | (high >>> 19), 5) + right;
    const low = Math.imul(this.#low ^ right, 0x1b873593);
    this.#low = Math.imul((low << 15) | (low >>> 17), 5) + left + this.#high;
  }
}

function finished(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function hexOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
