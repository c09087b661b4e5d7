import { invariant } from "../errors/mod.ts";

/**
 * Slots of events, the earliest first: by time, then by order. Four children a node and flat typed arrays, because at a million pending
 * events a heap of objects spends its time on cache misses (a factor of six). A removed event leaves at once: there are no tombstones.
 * Slots are numbers from 0 that are used again. push, pop and remove O(log n).
 */
export class EventHeap {
  #size = 0;
  /** Time and order of each place, side by side: they are always compared together. */
  #keys = new Float64Array(2 * firstCapacity);
  #slots = new Int32Array(firstCapacity);
  /** Place of each slot; -1 when it is free. */
  #places = new Int32Array(firstCapacity).fill(-1);
  /** Slots that were used and are free, last freed first. */
  #free = new Int32Array(firstCapacity);
  #freeCount = 0;
  #slotCount = 0;

  get size(): number {
    return this.#size;
  }

  /** Slots that have ever been used: each slot is below it. */
  get slotCount(): number {
    return this.#slotCount;
  }

  /** Time of the earliest event; Infinity when there is none. */
  get topTime(): number {
    return this.#size === 0 ? Infinity : (this.#keys[0] as number);
  }

  get topOrder(): number {
    return this.#keys[1] as number;
  }

  get topSlot(): number {
    return this.#slots[0] as number;
  }

  isPending(slot: number): boolean {
    return slot < this.#slotCount && this.#places[slot] !== -1;
  }

  /** Takes an event in; gives its slot. */
  push(time: number, order: number): number {
    const slot = this.#freeCount > 0 ? (this.#free[--this.#freeCount] as number) : this.#newSlot();
    this.#rise(this.#size++, time, order, slot);
    return slot;
  }

  /** Takes the earliest event out and frees its slot. There is one. */
  pop(): number {
    invariant(this.#size > 0, "an event can be taken only from a heap that holds one");
    const slot = this.#slots[0] as number;
    this.#takeOut(0, slot);
    return slot;
  }

  /** False when the slot holds nothing. */
  remove(slot: number): boolean {
    if (!this.isPending(slot)) return false;
    this.#takeOut(this.#places[slot] as number, slot);
    return true;
  }

  /** Moves the earliest event to a later time; its slot and order stay. */
  postponeTop(time: number): void {
    const order = this.topOrder;
    this.#sink(0, time, order, this.topSlot);
  }

  #takeOut(place: number, slot: number): void {
    this.#places[slot] = -1;
    this.#free[this.#freeCount++] = slot;
    const last = --this.#size;
    if (place === last) return;
    const time = this.#keys[2 * last] as number;
    const order = this.#keys[2 * last + 1] as number;
    const moved = this.#slots[last] as number;
    if (place > 0 && this.#isBefore(time, order, (place - 1) >> 2)) this.#rise(place, time, order, moved);
    else this.#sink(place, time, order, moved);
  }

  #isBefore(time: number, order: number, place: number): boolean {
    const other = this.#keys[2 * place] as number;
    return time < other || (time === other && order < (this.#keys[2 * place + 1] as number));
  }

  // oxlint-disable-next-line max-params -- a key is three numbers, and an object for them would cost more than the heap
  #rise(from: number, time: number, order: number, slot: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      if (!this.#isBefore(time, order, parent)) break;
      this.#copy(parent, place);
      place = parent;
    }
    this.#put(place, time, order, slot);
  }

  // oxlint-disable-next-line max-params -- a key is three numbers, as in the method before
  #sink(from: number, time: number, order: number, slot: number): void {
    const keys = this.#keys;
    const size = this.#size;
    let place = from;
    for (;;) {
      const first = 4 * place + 1;
      if (first >= size) break;
      const end = first + 4 < size ? first + 4 : size;
      let least = first;
      let leastTime = keys[2 * first] as number;
      for (let child = first + 1; child < end; child++) {
        const childTime = keys[2 * child] as number;
        if (childTime > leastTime) continue;
        if (childTime === leastTime && (keys[2 * child + 1] as number) > (keys[2 * least + 1] as number)) continue;
        least = child;
        leastTime = childTime;
      }
      if (this.#isBefore(time, order, least)) break;
      this.#copy(least, place);
      place = least;
    }
    this.#put(place, time, order, slot);
  }

  #copy(from: number, to: number): void {
    const keys = this.#keys;
    keys[2 * to] = keys[2 * from] as number;
    keys[2 * to + 1] = keys[2 * from + 1] as number;
    const slot = this.#slots[from] as number;
    this.#slots[to] = slot;
    this.#places[slot] = to;
  }

  // oxlint-disable-next-line max-params -- a key is three numbers, as in the method before
  #put(place: number, time: number, order: number, slot: number): void {
    this.#keys[2 * place] = time;
    this.#keys[2 * place + 1] = order;
    this.#slots[place] = slot;
    this.#places[slot] = place;
  }

  #newSlot(): number {
    const slot = this.#slotCount++;
    const capacity = this.#slots.length;
    if (slot < capacity) return slot;
    this.#keys = grown(this.#keys, new Float64Array(4 * capacity));
    this.#slots = grown(this.#slots, new Int32Array(2 * capacity));
    this.#free = grown(this.#free, new Int32Array(2 * capacity));
    this.#places = grown(this.#places, new Int32Array(2 * capacity).fill(-1));
    return slot;
  }
}

const firstCapacity = 64;

function grown<T extends Float64Array | Int32Array>(old: T, room: T): T {
  room.set(old);
  return room;
}
