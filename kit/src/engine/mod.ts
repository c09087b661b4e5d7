export type { Cell, CellKey, ExpectedCell } from "./cell.ts";
export type {
  Append,
  Change,
  Check,
  Discard,
  Enqueue,
  Flow,
  Hold,
  Put,
  Redrive,
  Seen,
  Settle,
  Wake,
} from "./change.ts";
export type { CommitResult, EnqueuedMessage, Outcome, Refusal } from "./commit-result.ts";
export { survives, type Durability } from "./durability.ts";
export type {
  BackupEngine,
  BellTopic,
  Capabilities,
  CellEngine,
  ClaimRequest,
  ClaimResult,
  Committer,
  Engine,
  EngineBase,
  EnginePart,
  LogEngine,
  MessageEngine,
  ReadRequest,
  ReadResult,
  StreamRequest,
  Transaction,
  TransactionalEngine,
} from "./engine.ts";
export { ChangeError, describeRefusal, DurabilityError, LeaseLostError, RefusedError, StorageError } from "./errors.ts";
export { streamSlots, type ExpectedVersion, type NewEvent, type RecordedEvent } from "./event-record.ts";
export {
  failuresKept,
  type Claim,
  type MessageState,
  type NewMessage,
  type QueueStatus,
  type Receipt,
  type Settlement,
  type StoredMessage,
} from "./message.ts";
export type { ScanQuery, ScanRow, StreamRow } from "./scan.ts";
