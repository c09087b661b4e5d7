export { exerciseSharedTier, sharedTierRules } from "./exercise-shared-tier.ts";
export {
  type BusRule,
  exerciseInvalidationBus,
  invalidationBusRules,
  type OpenBus,
  type OpenedBus,
} from "./exercise-invalidation-bus.ts";
export type { OpenedTier, OpenTier, Rule, TestFunction } from "./rule.ts";
