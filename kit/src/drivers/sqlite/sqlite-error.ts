import { KitError } from "../../errors/mod.ts";

/** Why a statement failed, as far as a caller can act on it. */
export type SqliteFault = "busy" | "full" | "io" | "corrupt" | "constraint" | "readonly" | "other";

/** SQLite refused a statement. `reason` says what can be done; `resultCode` is SQLite's extended result code (0 when unknown). */
export class SqliteError extends KitError {
  readonly code = "SQLITE";
  readonly retryable: boolean;
  readonly reason: SqliteFault;
  readonly resultCode: number;

  constructor(reason: SqliteFault, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.reason = reason;
    this.retryable = reason === "busy" || reason === "full";
    this.resultCode = resultCodeOf(options?.cause);
  }
}

/** What was thrown, as SqliteError when it comes from SQLite, else unchanged. */
export function sqliteError(thrown: unknown, doing: string): unknown {
  const resultCode = resultCodeOf(thrown);
  if (resultCode === 0) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new SqliteError(faultOf(resultCode), `${doing}: ${text}`, { cause: thrown });
}

/** Whether another connection holds the lock that was asked for. */
export function isBusy(thrown: unknown): boolean {
  return faultOf(resultCodeOf(thrown)) === "busy";
}

/** Whether there was no space for what was to be written. */
export function isFull(thrown: unknown): boolean {
  return (thrown instanceof SqliteError ? thrown.reason : faultOf(resultCodeOf(thrown))) === "full";
}

/** Whether the store itself failed: the next statement would fail alike, so nobody's work of the transaction can be kept. */
export function isStorageFault(thrown: unknown): boolean {
  const fault = thrown instanceof SqliteError ? thrown.reason : faultOf(resultCodeOf(thrown));
  return fault === "full" || fault === "io" || fault === "corrupt" || fault === "readonly" || fault === "busy";
}

function resultCodeOf(thrown: unknown): number {
  if (typeof thrown !== "object" || thrown === null) return 0;
  if (Reflect.get(thrown, "code") !== "ERR_SQLITE_ERROR") return 0;
  const resultCode: unknown = Reflect.get(thrown, "errcode");
  return typeof resultCode === "number" ? resultCode : 0;
}

// SQLITE_IOERR_SHMSIZE: the index of the log could not grow, which a full disk causes.
const sharedMemoryTooSmall = 4874;

// Primary result codes: https://www.sqlite.org/rescode.html; the low byte of an extended code.
function faultOf(resultCode: number): SqliteFault {
  if (resultCode === sharedMemoryTooSmall) return "full";
  switch (resultCode & 0xff) {
    case 5:
    case 6:
      return "busy";
    case 8:
      return "readonly";
    case 10:
    case 14:
      return "io";
    case 11:
    case 26:
      return "corrupt";
    case 7:
    case 13:
      return "full";
    case 19:
      return "constraint";
    default:
      return "other";
  }
}
