import { indexedHeap } from "../collections/mod.ts";

interface Held {
  readonly key: number;
  readonly nextAt: number;
}

/**
 * Hits of the best that any cache of so many entries could do, knowing the future and storing every miss: whatever is needed last
 * goes. Source: Belady, "A study of replacement algorithms for a virtual-storage computer", 1966.
 */
export function optimumHits(trace: Int32Array, capacity: number): number {
  const nextAt = nextUses(trace);
  const farthestFirst = indexedHeap<Held>((left, right) => right.nextAt - left.nextAt);
  const held = new Map<number, ReturnType<typeof farthestFirst.push>>();
  let hits = 0;
  for (const [index, key] of trace.entries()) {
    const next: Held = { key, nextAt: nextAt[index] ?? trace.length };
    const known = held.get(key);
    if (known !== undefined) {
      hits++;
      farthestFirst.remove(known);
    } else if (held.size >= capacity) {
      const farthest = farthestFirst.pop();
      if (farthest !== undefined) held.delete(farthest.key);
    }
    held.set(key, farthestFirst.push(next));
  }
  return hits;
}

function nextUses(trace: Int32Array): Float64Array {
  const nextAt = new Float64Array(trace.length);
  const lastAt = new Map<number, number>();
  for (let index = trace.length - 1; index >= 0; index--) {
    const key = trace[index] ?? 0;
    nextAt[index] = lastAt.get(key) ?? trace.length; // never: after the end
    lastAt.set(key, index);
  }
  return nextAt;
}
