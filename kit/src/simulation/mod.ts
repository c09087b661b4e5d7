export { kernel, type EventId, type Kernel, type KernelEnd, type KernelLimits, type KernelOptions } from "./kernel.ts";
export type { EventSource, EventSourceOptions, Strand } from "./event-source.ts";
export type { FiredEvent } from "./trace.ts";
export type { DriverName } from "./driver-system.ts";
export { type Strategy, strategyOf, strategyText } from "./strategy.ts";
export type { ClockSkew } from "./node-clock.ts";
export type { Latency } from "./latency.ts";
export type { NetworkLaw } from "./network-law.ts";
export type { Network } from "./network.ts";
export type { Link } from "./link.ts";
export { type NodeNetwork, NodeRefusal } from "./node-network.ts";
export { type ConnectionEnd, type ConnectionListener, ConnectionRefusedError, type ProcessSockets } from "./sockets.ts";
export type { CrashKind, NodeDefinition, NodeHost, NodeState, ProcessPart, SimulatedNode } from "./node.ts";
export type { Disk, DiskFile } from "./disk.ts";
export { DiskError, type DiskFaults, DiskState, soundDisk } from "./disk-state.ts";
export { world, type World, type WorldOptions } from "./world.ts";
export type { Waiting } from "./waits.ts";
export { type Fault, type FaultDraw, type FaultRule, faultText } from "./fault.ts";
export {
  badDisks,
  badNetwork,
  clockDrifts,
  clockJumps,
  clogs,
  crashes,
  type DiskTrouble,
  ownFault,
  partitions,
  pauses,
  restarts,
  type Span,
} from "./fault-rules.ts";
export { type Course, type Phases, scenario, type Scenario, type Workload } from "./scenario.ts";
export { runSeed, type RunFailure, type RunReport, type RunSeedOptions } from "./run-seed.ts";
export { shrink } from "./shrink.ts";
export { failureText, replayArguments } from "./report-text.ts";
export { type FleetReport } from "./fleet.ts";
export { type FleetOptions, runFleet, serveFleet } from "./fleet-system.ts";
export { simulationCommand, type SimulationCommand } from "./command-system.ts";
export { DeadlockError, InvariantBrokenError, LeakError, LivenessError } from "./errors.ts";
export { worldTransport } from "./world-transport.ts";
