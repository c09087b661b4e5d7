export { checkJournals, type JournalFinding } from "./check-journals.ts";
export { saga, type SagaOptions } from "./definition.ts";
export type {
  AnySaga,
  ChildOptions,
  CommitPlan,
  RaceWinner,
  SagaContext,
  SagaDefinition,
  SagaOf,
  SagaRules,
  StepContext,
  StepOptions,
  StepRunner,
  UndoCommit,
  UndoOptions,
} from "./context.ts";
export {
  ChildFailedError,
  MailboxFullError,
  MismatchError,
  RunExistsError,
  RunNotFoundError,
  SagaUsageError,
  StepFailedError,
} from "./errors.ts";
export type { ForkOptions } from "./fork.ts";
export type { Probe } from "./host.ts";
export type { Rehearsal } from "./rehearse.ts";
export type { Entry } from "./entry.ts";
export type { ListQuery, RunReport, RunSummary, SavedJournal, StepReport, WaitReport } from "./inspect.ts";
export type { Delivery, DeliveryOptions } from "./letters.ts";
export type { FinalOutcome, Problem, RunFailure, RunOutcome, RunStatus } from "./outcome.ts";
export type { ResultOptions } from "./results.ts";
export { openSagas, type Decision, type Run, type Sagas, type SagasOptions, type StartOptions } from "./sagas.ts";
export { signal, type Approval, type ApprovalOptions, type SignalDefinition, type SignalOutcome } from "./signal.ts";
export { choreography, type Choreography, type ChoreographyOptions, type Reaction } from "./choreography.ts";
export {
  openChoreography,
  type BoundChoreography,
  type ChoreographyBinding,
  type Handled,
  type HandleOptions,
} from "./open-choreography.ts";
