export { type Handle, indexedHeap, type IndexedHeap } from "./indexed-heap.ts";
export { ring, type Ring } from "./ring.ts";
export { deque, type Deque } from "./deque.ts";
export { turnoverMap, type TurnoverMap } from "./turnover-map.ts";
