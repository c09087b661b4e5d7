import { KitError } from "../../errors/mod.ts";

/** Why a statement or connection failed, as far as a caller can act on it.
 *  `connection`: lost or not made; `unavailable`: the server starts, stops or has no room for a connection; `conflict`: serialisation or
 *  deadlock; `busy`: a lock or a place in the pool was not had in time; `outdated`: prepared for another schema; `denied`: rights or
 *  password; `readonly`: a replica. */
export type PostgresFault =
  | "connection"
  | "unavailable"
  | "conflict"
  | "busy"
  | "full"
  | "denied"
  | "readonly"
  | "constraint"
  | "corrupt"
  | "outdated"
  | "other";

/** PostgreSQL refused a statement or a connection. `sqlState` is the server's five characters, empty when it did not answer. */
export class PostgresError extends KitError {
  readonly code = "POSTGRES";
  readonly retryable: boolean;
  readonly reason: PostgresFault;
  readonly sqlState: string;

  constructor(reason: PostgresFault, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.reason = reason;
    this.sqlState = sqlStateOf(options?.cause);
    this.retryable = retryableFaults.has(reason);
  }
}

/** The connection was lost after COMMIT had been sent, and the server could not be asked in time: the work is committed or not. Repeat it
 *  only under an operation id. */
export class OutcomeUnknownError extends KitError {
  readonly code = "OUTCOME_UNKNOWN";
  readonly retryable = false;

  constructor(options?: { readonly cause?: unknown }) {
    super("the connection was lost after COMMIT was sent, and the server cannot be asked what became of it", options);
  }
}

const retryableFaults: ReadonlySet<PostgresFault> = new Set([
  "connection",
  "unavailable",
  "conflict",
  "busy",
  "full",
  "outdated",
]);

/** What was thrown by the client library, as PostgresError. Errors of ours pass unchanged. */
export function postgresError(thrown: unknown, doing: string): Error {
  if (thrown instanceof KitError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const fault = text.startsWith("SASL: ") ? "denied" : faultOf(sqlStateOf(thrown));
  return new PostgresError(fault, `${doing}: ${clearer(text)}${hintOf(thrown)}`, { cause: thrown });
}

/** What the library says of its own insides, in words of those who gave the address. */
function clearer(text: string): string {
  if (!text.includes("client password must be a")) return text;
  return "the server asks for a password, and none was given: postgres://user:password@host, or PGPASSWORD";
}

/** Whether the same call may succeed on another connection, and nothing of it was applied unless COMMIT had been sent. */
export function isLost(error: unknown): boolean {
  return error instanceof PostgresError && (error.reason === "connection" || error.reason === "unavailable");
}

function hintOf(thrown: unknown): string {
  const state = sqlStateOf(thrown);
  if (state === "42501") return "; grant the right to the user, or migrate with one that has it";
  if (state === "25006") return "; the server is a read-only replica, give the address of the primary";
  return "";
}

function sqlStateOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return "";
  const state: unknown = Reflect.get(thrown, "code");
  return typeof state === "string" && /^[0-9A-Z]{5}$/.test(state) ? state : "";
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const byState: Readonly<Record<string, PostgresFault>> = {
  "0A000": "outdated", // cached plan must not change result type
  "26000": "outdated", // prepared statement does not exist
  "25006": "readonly",
  "40001": "conflict",
  "40P01": "conflict",
  "42501": "denied",
  "53100": "full",
  "53300": "unavailable",
  "53200": "busy", // out of shared memory: the lock table is full
  "55P03": "busy",
  "57014": "busy",
  XX001: "corrupt",
  XX002: "corrupt",
};

const byClass: Readonly<Record<string, PostgresFault>> = {
  "08": "connection",
  "23": "constraint",
  "28": "denied",
  "57": "unavailable",
  "58": "corrupt",
};

function faultOf(state: string): PostgresFault {
  // Without a state it was the socket that failed.
  if (state === "") return "connection";
  return byState[state] ?? byClass[state.slice(0, 2)] ?? "other";
}
