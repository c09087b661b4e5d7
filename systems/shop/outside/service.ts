import type { Clock } from "ashlar/clock";
import type { SqliteDatabase, SqliteSession } from "ashlar/drivers/sqlite";
import { KitError } from "ashlar/errors";
import type { Fate } from "./faults.ts";

/** What a service of the outside world is asked to do. */
export interface OutsideRequest {
  /** `charge`, `refund`, `parcel`, `recall`, `delivery`. */
  readonly kind: string;
  /** What it is done for, such as an order: the same thing is to be done once for it. */
  readonly subject: string;
  /** Idempotency key: a repeat gets the first answer and has no effect. */
  readonly key: string;
  readonly amountMinor: number;
  readonly signal?: AbortSignal | undefined;
}

export type OutsideReply =
  | { readonly status: "done"; readonly reference: string }
  | { readonly status: "refused"; readonly reason: string };

/** The service did not answer this attempt. Nothing was done. */
export class OutageError extends KitError {
  readonly code = "OUTAGE";
  readonly retryable = true;

  constructor(kind: string) {
    super(`the outside service for a ${kind} did not answer`);
  }
}

/** A service that really does things: every effect is a row, so that one done twice shows. */
export interface OutsideService {
  /** Rejects with {@link OutageError}, and with the signal's reason while the reply is awaited: then it may have been done. */
  request(request: OutsideRequest): Promise<OutsideReply>;
}

interface Effect {
  readonly id: number;
}

const findEffect = "select id from effect where key = ?";
const addEffect = "insert into effect (kind, subject, key, amount_minor) values (?, ?, ?, ?)";
const countOutage = `insert into outage (key, attempts) values (?, 1)
  on conflict (key) do update set attempts = attempts + 1 returning attempts`;

/** A service that keeps its books in `database` and treats requests as `fateOf` says. */
export function outsideService(
  database: SqliteDatabase,
  clock: Clock,
  fateOf: (kind: string, subject: string) => Fate,
): OutsideService {
  return {
    async request(request) {
      request.signal?.throwIfAborted();
      const fate = fateOf(request.kind, request.subject);
      // Nobody is there who could keep books.
      if (fate.outages === Infinity) throw new OutageError(request.kind);
      const done = await database.group((sql) => perform(sql, request, fate));
      if (done.status === "outage") throw new OutageError(request.kind);
      if (done.status === "refused") return done;
      // The effect stands whatever becomes of the reply.
      if (done.execution === "first" && fate.stallMs > 0) await clock.sleep(fate.stallMs, { signal: request.signal });
      return { status: "done", reference: `${request.kind}-${done.id}` };
    },
  };
}

type Performed =
  | { readonly status: "done"; readonly id: number; readonly execution: "first" | "repeated" }
  | { readonly status: "refused"; readonly reason: string }
  | { readonly status: "outage" };

function perform(sql: SqliteSession, request: OutsideRequest, fate: Fate): Performed {
  const { kind, subject, key, amountMinor } = request;
  const known = sql.get<Effect>(findEffect, key);
  if (known !== undefined) return { status: "done", id: known.id, execution: "repeated" };
  if (fate.outages > 0) {
    const attempts = sql.get<{ readonly attempts: number }>(countOutage, key)?.attempts ?? 1;
    if (attempts <= fate.outages) return { status: "outage" };
  }
  if (fate.refusal !== undefined) return { status: "refused", reason: fate.refusal };
  const { lastInsertRowid: id } = sql.run(addEffect, kind, subject, key, amountMinor);
  return { status: "done", id, execution: "first" };
}
