export { balancer, type Balancer, type PickRequest } from "./balancer.ts";
export type { BalancerOptions } from "./options.ts";
export type { Endpoint, EndpointState } from "./endpoint.ts";
export type { Algorithm, HashAlgorithm, MaglevAlgorithm, PeakEwmaAlgorithm, StickyAlgorithm } from "./algorithm.ts";
export type { EjectionOptions, EjectionReason } from "./ejection-rules.ts";
export type { NotPickedReason, Subset } from "./group.ts";
export type { NotPicked, Picked } from "./picked.ts";
export type { Outcome } from "./latency.ts";
export type { Health } from "./slot.ts";
export type { BalancerReport, EndpointReport } from "./report.ts";
export { ipKey } from "./ip-key.ts";
export {
  type HealthChecks,
  type HealthTarget,
  openHealthChecks,
  type OpenHealthChecksOptions,
} from "./health-checks.ts";
