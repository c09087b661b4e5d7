import type { Change, Engine } from "../engine/mod.ts";
import { MailboxFullError } from "./errors.ts";
import { type Letter, lettersMax, mailboxOf, mailChange } from "./mailbox.ts";
import { isFinal } from "./outcome.ts";
import { mailCell, parseRecord, queueOf, runCell } from "./run-record.ts";

/** What became of a letter. */
export type Delivery = "delivered" | "duplicate" | "finished" | "unknown";

/** How repeats of a signal are told. */
export interface DeliveryOptions {
  /** A second letter with the same id is dropped, for `dedupForMs` (default 30 days). */
  readonly dedupId?: string | undefined;
  readonly dedupForMs?: number | undefined;
}

const thirtyDaysMs = 2_592_000_000;

/**
 * Puts a letter into a run's mailbox and wakes the run, in one commit: it is kept also when nobody waits for it yet, and a run that
 * is about to park is woken at once. Retries for as long as others write to the same mailbox; every round, one writer gets through.
 */
export async function deliver(
  engine: Engine,
  run: { readonly saga: string; readonly id: string },
  ...sent: [letter: Letter, options?: DeliveryOptions]
): Promise<Delivery> {
  const [letter, options = {}] = sent;
  for (;;) {
    const [record, mail] = await engine.get([runCell(run.saga, run.id), mailCell(run.saga, run.id)]);
    if (record === undefined) return "unknown";
    const { header } = parseRecord(record.value);
    if (isFinal(header.status)) return "finished";
    const mailbox = mailboxOf(mail, header);
    if (mailbox.letters.length >= lettersMax) throw new MailboxFullError(run.saga, run.id, mailbox.letters.length);
    const { dedupId, dedupForMs = thirtyDaysMs } = options;
    const { messageId, startedAtMs } = header;
    const changes: Change[] = [
      mailChange(run, mailbox, [...mailbox.letters, { ...letter, startedAtMs }]),
      // A run that has not stored its message's id has not parked either: it looks at its mailbox before it does, unless it writes now.
      messageId === undefined
        ? { op: "check", cell: runCell(run.saga, run.id), expect: record.version }
        : { op: "wake", queue: queueOf(run.saga), ids: [messageId] },
    ];
    if (dedupId !== undefined)
      changes.push({ op: "seen", consumer: `saga:${run.saga}/${run.id}`, id: dedupId, keepMs: dedupForMs });
    const result = await engine.commit(changes);
    if (result.committed) {
      const [, woken] = result.outcomes;
      return woken?.op === "wake" && woken.count === 0 ? await afterEnd(engine, { ...run, startedAtMs }) : "delivered";
    }
    if (result.refusal.kind === "already-seen") return "duplicate";
  }
}

/** The letter woke nobody: either the run is about to look anyway, or it ended just before; then the letter is taken back, unless another
 *  run has its id now, which knows that it is not meant. */
async function afterEnd(
  engine: Engine,
  run: { readonly saga: string; readonly id: string; readonly startedAtMs: number },
): Promise<Delivery> {
  const [record, mail] = await engine.get([runCell(run.saga, run.id), mailCell(run.saga, run.id)]);
  const header = record === undefined ? undefined : parseRecord(record.value).header;
  const isNext = header !== undefined && header.startedAtMs !== run.startedAtMs;
  if (isNext) return "finished";
  if (header !== undefined && !isFinal(header.status)) return "delivered";
  if (mail !== undefined) await engine.commit([{ op: "put", cell: mail, expect: mail.version, value: undefined }]);
  return "finished";
}
