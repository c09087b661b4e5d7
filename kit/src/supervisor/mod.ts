export {
  type ChildEvent,
  type ChildReport,
  openSupervisor,
  type OpenSupervisorOptions,
  type ReloadReport,
  type Supervisor,
} from "./supervisor.ts";
export type { Child, ChildDefinition } from "./definition.ts";
export type { RestartOptions } from "./restart-rules.ts";
export type { ChildState } from "./slot.ts";
export type { AddressTable, TableEntry } from "./protocol.ts";
export type { OutputLine } from "./output-system.ts";
export { CrashLoopError } from "./errors.ts";
export type { Ending, ProcessHandle, ProcessListener, ProcessPort } from "./process-port.ts";
export { type SupervisedChild, supervisedChild, type SupervisedChildOptions } from "./child.ts";
export type { ChildListener, ChildPort, StopReason } from "./child-port.ts";
