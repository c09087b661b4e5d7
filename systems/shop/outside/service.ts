import type { Clock } from "ashlar/clock";
import { KitError } from "ashlar/errors";
import type { OutsideLedger } from "./books.ts";
import type { Fate } from "./faults.ts";
import type { OutsideReply, OutsideRequest } from "./request.ts";

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
  /** An answer that takes longer counts as lost, and is asked for again under the same key. */
  readonly replyWithinMs: number;
  /** Rejects with {@link OutageError}, and with the signal's reason while the reply is awaited: then it may have been done. */
  request(request: OutsideRequest): Promise<OutsideReply>;
}

/** Of a company at hand: shorter than its longest stall. */
export const nearReplyMs = 45;
/** Of one whose ledger is a server's, which has other work, too. */
export const farReplyMs = 2_000;

/** A service that keeps its books in `ledger` and treats requests as `fateOf` says. */
export function outsideService(
  ledger: OutsideLedger,
  clock: Clock,
  fateOf: (kind: string, subject: string) => Fate,
): OutsideService {
  return {
    replyWithinMs: ledger.replyWithinMs,
    async request(request) {
      request.signal?.throwIfAborted();
      const fate = fateOf(request.kind, request.subject);
      // Nobody is there who could keep books.
      if (fate.outages === Infinity) throw new OutageError(request.kind);
      const done = await ledger.perform(request, fate);
      if (done.status === "outage") throw new OutageError(request.kind);
      if (done.status === "refused") return done;
      // The effect stands whatever becomes of the reply.
      if (done.execution === "first" && fate.stallMs > 0) await clock.sleep(fate.stallMs, { signal: request.signal });
      return { status: "done", reference: `${request.kind}-${done.id}` };
    },
  };
}
