export type { MemoryHub } from "./memory-hub.ts";
export { memoryHub, type MemoryBusOptions, openMemoryBus } from "./open.ts";
