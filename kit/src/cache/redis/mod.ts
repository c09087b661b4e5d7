export { redisBus, type RedisBusOptions } from "./invalidation-bus.ts";
export { redisTier, type RedisTierOptions } from "./shared-tier.ts";
