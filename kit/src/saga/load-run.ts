import type { Clock } from "../clock/mod.ts";
import type { Claim, Change } from "../engine/mod.ts";
import { errorRecord, invariant } from "../errors/mod.ts";
import { commandTexts, mayGoOn } from "./commands.ts";
import type { AnySaga } from "./context.ts";
import { type Entry, entryOf, type StoredEntry } from "./entry.ts";
import { MismatchError } from "./errors.ts";
import { rehearse } from "./rehearse.ts";
import { Execution } from "./execution.ts";
import { FencedWriter } from "./fenced-writer.ts";
import type { Host } from "./host.ts";
import { Journal } from "./journal.ts";
import { isCommand, type Mailbox, mailboxOf, mailChange } from "./mailbox.ts";
import { isFinal, type Problem } from "./outcome.ts";
import { expirePages } from "./retention.ts";
import { mailCell, pageCell, parseRecord, type RunHeader, runCell, seedOf } from "./run-record.ts";

type Definitions = ReadonlyMap<string, AnySaga>;

/** Makes an execution of a claimed run; undefined when there is nothing to do, and the message has been settled. */
export async function loadRun(host: Host, definitions: Definitions, claim: Claim): Promise<Execution | undefined> {
  const saga = claim.receipt.queue.slice("saga:".length);
  const id = claim.body;
  const [record, mail] = await host.cells([runCell(saga, id), mailCell(saga, id)]);
  const stored = record === undefined ? undefined : parseRecord(record.value);
  const acknowledgement = { op: "settle", receipt: claim.receipt, as: { kind: "ack" } } as const;
  if (record === undefined || stored === undefined) return await settle(host, acknowledgement);
  if (isFinal(stored.header.status)) {
    const ended = { saga, cell: record, header: stored.header, receipt: claim.receipt };
    return (await expirePages(host, ended)) === "done" ? await settle(host, acknowledgement) : undefined;
  }
  let mailbox = mailboxOf(mail, stored.header);
  if (!mayGoOn(stored.header, mailbox)) {
    const as = { kind: "park", delayMs: undefined } as const;
    return await settle(host, { op: "settle", receipt: claim.receipt, as });
  }
  const journal = await journalOf(host, { saga, id, ...stored });
  const crashed = crashProblem(definitions, stored.header, claim);
  const chosen = await choose(definitions, journal, host.engine.clock);
  journal.header = { ...journal.header, messageId: claim.receipt.id, status: statusNow(journal), problem: undefined };
  if (crashed === undefined && mailbox.letters.some(isCommand))
    mailbox = await applyCommands(host, journal, { claim, mailbox, problem: stored.header.problem });
  const doubt = stored.header.problem?.step;
  // Tried again at a person's wish: what it did is recorded, and can be undone, before a cancel counts.
  const isTriedAgain = doubt !== undefined && journal.find("step", doubt) === undefined;
  const afterCrash = claim.crashes > 0 || isTriedAgain ? "yes" : "no";
  const execution = new Execution(host, chosen.definition, { journal, receipt: claim.receipt, mailbox, afterCrash });
  const problem = crashed ?? chosen.problem;
  if (problem !== undefined) execution.stuck(problem);
  return execution;
}

async function settle(host: Host, change: Change): Promise<undefined> {
  await host.engine.commit([change]);
}

function statusNow(journal: Journal): RunHeader["status"] {
  return journal.stopped === undefined ? "running" : "compensating";
}

async function journalOf(
  host: Host,
  run: { readonly saga: string; readonly id: string; readonly header: RunHeader; readonly entries: readonly Entry[] },
): Promise<Journal> {
  const { saga, id } = run;
  const numbers = Array.from({ length: run.header.pages ?? 0 }, (_, page) => page);
  const names = [
    ...numbers.map((page) => pageCell(saga, id, page)),
    ...(run.header.inputApart === 1 ? [pageCell(saga, id, "input")] : []),
  ];
  const cells = names.length === 0 ? [] : await host.cells(names);
  const values = cells.map((cell, index) => {
    invariant(cell !== undefined, `cell ${names[index]?.key ?? ""} of a live run exists`);
    return JSON.parse(cell.value) as unknown;
  });
  const header = run.header.inputApart === 1 ? { ...run.header, input: values.at(-1) } : run.header;
  return new Journal(run, header, {
    pages: values.slice(0, numbers.length).map((page) => (page as readonly StoredEntry[]).map(entryOf)),
    tail: run.entries,
  });
}

/** The definition of the run's version, or one that can take it over; otherwise some definition, and the problem. */
async function choose(
  definitions: Definitions,
  journal: Journal,
  clock: Clock,
): Promise<{ readonly definition: AnySaga; readonly problem?: Problem }> {
  const { version, state } = journal.header;
  const same = definitions.get(version);
  if (same !== undefined) return { definition: same };
  const heir = [...definitions.values()].findLast((definition) => definition.rules.migrate.has(version));
  if (heir !== undefined && journal.entries.length === 0) {
    try {
      journal.header = { ...journal.header, version: heir.version, state: heir.rules.migrate.get(version)?.(state) };
      return { definition: heir };
    } catch (error) {
      return { definition: heir, problem: { kind: "mismatch", error: errorRecord(error) } };
    }
  }
  const some = heir ?? [...definitions.values()].at(-1);
  invariant(some !== undefined, "a lane has a definition");
  const why =
    heir === undefined
      ? "which nobody here has registered"
      : "and has recorded steps since its latest checkpoint, so that it cannot migrate yet";
  const what = `run "${journal.id}" of saga "${journal.saga}" is pinned to version "${version}", ${why} (registered: ${[...definitions.keys()].join(", ")})`;
  const saved = {
    saga: journal.saga,
    id: journal.id,
    ...journal.header,
    seed: seedOf(journal.header, `${journal.saga}/${journal.id}`),
    input: journal.header.input,
    state,
    entries: journal.entries,
  };
  const { current } = await rehearse(some, saved, clock);
  return {
    definition: some,
    problem: { kind: "unknown-version", error: errorRecord(new MismatchError(what, journal.names(), current)) },
  };
}

function crashProblem(definitions: Definitions, header: RunHeader, claim: Claim): Problem | undefined {
  const crashesMax = definitions.get(header.version)?.rules.crashesMax;
  if (crashesMax === undefined || claim.crashes < crashesMax) return undefined;
  return { kind: "crashed", error: errorRecord(new Error(`its executors died ${claim.crashes} times in a row`)) };
}

/** Does what people have asked for, in one commit that takes their letters out of the mailbox. */
async function applyCommands(
  host: Host,
  journal: Journal,
  run: { readonly claim: Claim; readonly mailbox: Mailbox; readonly problem: Problem | undefined },
): Promise<Mailbox> {
  let { mailbox } = run;
  const { header } = journal;
  for (;;) {
    journal.header = header;
    const texts = commandTexts(journal, {
      letters: mailbox.letters,
      problem: run.problem,
      nowMs: host.engine.clock.now(),
    });
    const letters = mailbox.letters.filter((letter) => !isCommand(letter));
    const lost = Promise.withResolvers<never>();
    const writer = new FencedWriter(host, journal, { receipt: run.claim.receipt, lost: lost.reject });
    const write = writer.commit({ point: "command", texts, changes: [mailChange(journal, mailbox, letters)] });
    const result = await Promise.race([write, lost.promise]);
    const [cell] = await host.cells([mailCell(journal.saga, journal.id)]);
    mailbox = mailboxOf(cell, header);
    if (result.committed) return mailbox;
  }
}
