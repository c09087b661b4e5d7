import { invariant } from "../errors/mod.ts";

/** One entry of a heap. Valid until the entry leaves; afterwards `remove` and `update` answer false. */
export interface Handle<T> {
  readonly item: T;
}

/**
 * A priority queue in which any entry can be removed or moved, not only the first. Smallest first by `compare`; equal items
 * leave in no promised order (compare a sequence number last when that matters). push, pop, remove, update O(log n); peek O(1).
 */
export interface IndexedHeap<T> {
  readonly size: number;
  push(item: T): Handle<T>;
  peek(): T | undefined;
  pop(): T | undefined;
  /** Takes the entry out now (no tombstone stays behind). False when it had already left. */
  remove(handle: Handle<T>): boolean;
  /** Restores the order after the item's key has changed. False when the entry had already left. */
  update(handle: Handle<T>): boolean;
}

/** An empty heap. `compare` is a total preorder, as for Array.prototype.sort. Source: Williams 1964, with positions kept in the nodes. */
export function indexedHeap<T>(compare: (left: T, right: T) => number): IndexedHeap<T> {
  return new BinaryHeap(compare);
}

class Node<T> implements Handle<T> {
  readonly item: T;
  index: number;
  constructor(item: T, index: number) {
    this.item = item;
    this.index = index;
  }
}

class BinaryHeap<T> implements IndexedHeap<T> {
  readonly #compare: (left: T, right: T) => number;
  readonly #nodes: Node<T>[] = [];

  constructor(compare: (left: T, right: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#nodes.length;
  }

  push(item: T): Handle<T> {
    const node = new Node(item, this.#nodes.length);
    this.#nodes.push(node);
    this.#rise(node);
    return node;
  }

  peek(): T | undefined {
    return this.#nodes[0]?.item;
  }

  pop(): T | undefined {
    const first = this.#nodes[0];
    if (first === undefined) return undefined;
    this.#takeOut(first);
    return first.item;
  }

  remove(handle: Handle<T>): boolean {
    const node = this.#held(handle);
    if (node === undefined) return false;
    this.#takeOut(node);
    return true;
  }

  update(handle: Handle<T>): boolean {
    const node = this.#held(handle);
    if (node === undefined) return false;
    this.#place(node);
    return true;
  }

  /** A handle of another heap, or of an entry that left, is not at the position it names. */
  #held(handle: Handle<T>): Node<T> | undefined {
    return handle instanceof Node && this.#nodes[handle.index] === handle ? handle : undefined;
  }

  #takeOut(node: Node<T>): void {
    const last = this.#nodes.pop();
    invariant(last !== undefined, "a heap that holds a node is not empty");
    if (last !== node) {
      this.#put(last, node.index);
      this.#place(last);
    }
    node.index = -1;
  }

  #place(node: Node<T>): void {
    const before = node.index;
    this.#rise(node);
    if (node.index === before) this.#sink(node);
  }

  #rise(node: Node<T>): void {
    let index = node.index;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#nodes[parentIndex];
      if (parent === undefined || this.#compare(node.item, parent.item) >= 0) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    this.#put(node, index);
  }

  #sink(node: Node<T>): void {
    let index = node.index;
    for (;;) {
      const child = this.#smallerChild(index);
      if (child === undefined || this.#compare(child.item, node.item) >= 0) break;
      const childIndex = child.index;
      this.#put(child, index);
      index = childIndex;
    }
    this.#put(node, index);
  }

  #smallerChild(index: number): Node<T> | undefined {
    const left = this.#nodes[2 * index + 1];
    const right = this.#nodes[2 * index + 2];
    if (left === undefined || right === undefined) return left;
    return this.#compare(right.item, left.item) < 0 ? right : left;
  }

  #put(node: Node<T>, index: number): void {
    this.#nodes[index] = node;
    node.index = index;
  }
}
