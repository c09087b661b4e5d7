export { type Lifecycle, openLifecycle, type OpenLifecycleOptions } from "./lifecycle.ts";
export type { Closer, CloserReport } from "./closer.ts";
export type { Phase, PhaseShares } from "./phase.ts";
export type { PhaseReport, ShutdownReport } from "./shutdown-report.ts";
export type { ProcessPort, StopSignal } from "./signals.ts";
export { systemProcess } from "./process-system.ts";
