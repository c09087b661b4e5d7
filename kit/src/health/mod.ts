export {
  type Health,
  type HealthReport,
  type Liveness,
  openHealth,
  type OpenHealthOptions,
  type Readiness,
} from "./health.ts";
export type { CheckAnswer, CheckResult, HealthCheck, Status } from "./check.ts";
export type { ServingState } from "./serving-state.ts";
export {
  diskCheck,
  type DiskCheckOptions,
  heapCheck,
  type HeapCheckOptions,
  loopCheck,
  type LoopCheckOptions,
} from "./stock-checks.ts";
export type { DiskVitals, LoopVitals, MemoryVitals, Vitals } from "./vitals.ts";
export { systemVitals } from "./vitals-system.ts";
