export { memoryTier, type MemoryTierOptions } from "./shared-tier.ts";
export { memoryBus, type MemoryBusOptions } from "./invalidation-bus.ts";
