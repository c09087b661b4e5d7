import type { Engine } from "../../engine/mod.ts";
import { openQueue, openWorker, queue, retryPlan } from "../mod.ts";

export interface Mail {
  readonly to: string;
  readonly template: string;
}

/** A mail server that may fail; `key` lets it drop repeats. */
export type SendMail = (mail: Mail, key: string) => Promise<string>;

const mails = queue<Mail, string>("mails", {
  retry: retryPlan({ attemptsMax: 3, firstMs: 10, capMs: 100 }),
  // One mail at a time to each address, in the order in which they were added.
  key: (mail) => mail.to,
});

/** Sends mails with retries; those that fail for good are put back once the server is repaired. Answers the receipts of the last mail. */
export async function welcome(engine: Engine, send: SendMail, repair: () => void): Promise<string> {
  const outgoing = await openQueue({ engine, queue: mails });
  await using _worker = await openWorker({
    queue: outgoing,
    concurrency: 4,
    handle: (job) => job.once("send", (key) => send(job.input, key)),
  });
  // A second click on "register" adds nothing: the same key is remembered for an hour.
  const dedup = { key: "welcome ada", forMs: 3_600_000 };
  await outgoing.add({ to: "ada@example.org", template: "welcome" }, { dedup });
  await outgoing.add({ to: "ada@example.org", template: "welcome" }, { dedup });
  while ((await outgoing.status()).dead === 0) await engine.clock.sleep(10);
  repair();
  await outgoing.dead.redrive({ ratePerSecond: 100 });
  return await outgoing.ask({ to: "ada@example.org", template: "first steps" }, { withinMs: 5_000 });
}
