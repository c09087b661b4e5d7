import { jsonCodec } from "../codec/mod.ts";
import { errorRecord } from "../errors/mod.ts";
import { type ChildRef, endText, type Entry, undoName } from "./entry.ts";
import { RunExistsError } from "./errors.ts";
import type { ActiveRun } from "./active-run.ts";
import { endless } from "./host.ts";
import { deliver } from "./letters.ts";
import type { FinalOutcome } from "./outcome.ts";
import { isFinal } from "./outcome.ts";
import { parseRecord, runCell, type Waiter } from "./run-record.ts";
import { isSameInput, startChangesOf } from "./start-run.ts";
import type { Branch, WaitSpec } from "./wait-spec.ts";

const codec = jsonCodec<unknown>();

type Children = Readonly<Record<string, Branch>>;

/** Names the children of a wait by branch; undefined when it has none. */
export function childRefs(branches: Children): Readonly<Record<string, ChildRef>> | undefined {
  const refs = Object.entries(branches).flatMap(([branch, part]) =>
    part.kind === "child" ? [[branch, { saga: part.definition.name, id: part.id }] as const] : [],
  );
  return refs.length === 0 ? undefined : Object.fromEntries(refs);
}

/** Starts the children of a wait in the commit that records it. One that runs already, with the same input, is joined. */
export async function startChildren(
  execution: ActiveRun,
  wait: { readonly key: string; readonly spec: WaitSpec<unknown>; readonly text: string },
): Promise<void> {
  const parent: Waiter = { queue: execution.receipt.queue, messageId: execution.receipt.id };
  const children = Object.values(wait.spec.branches).filter((branch) => branch.kind === "child");
  const joined = new Set<(typeof children)[number]>();
  for (;;) {
    const started = children.filter((child) => !joined.has(child));
    const parts = started.map((child) => {
      const input = child.definition.rules.parse(child.input);
      return startChangesOf(child.definition, {
        id: child.id,
        inputText: codec.encode(input),
        parent,
        nowMs: execution.nowMs(),
      });
    });
    const result = await execution.writer.commit({
      point: `wait:${wait.key}`,
      texts: [wait.text],
      changes: parts.flat(),
    });
    if (result.committed) return;
    for (const child of started) if (await joins(execution, { key: wait.key, child, parent })) joined.add(child);
  }
}

async function joins(
  execution: ActiveRun,
  wait: { readonly key: string; readonly child: Branch & { readonly kind: "child" }; readonly parent: Waiter },
): Promise<boolean> {
  const { definition, id, input } = wait.child;
  const [cell] = await execution.host.cells([runCell(definition.name, id)]);
  if (cell === undefined) return false;
  const parsed = definition.rules.parse(input);
  if (
    !(await isSameInput(
      execution.host.engine,
      { saga: definition.name, id, header: parseRecord(cell.value).header },
      codec.encode(parsed),
    ))
  ) {
    // Recorded as the step's failure, so that a replay gets the same answer.
    const error = errorRecord(new RunExistsError(definition.name, id));
    const entry: Entry = { k: "fail", n: wait.key, t: execution.nowMs(), a: 1, e: error };
    await execution.writer.append(`wait:${wait.key}`, JSON.stringify(entry));
    execution.fail({ reason: "child-failed", step: wait.key, error });
    execution.leave();
    await endless();
  }
  await deliver(execution.host.engine, { saga: definition.name, id }, { kind: "watch", waiter: wait.parent });
  return true;
}

/** The end of a child among the branches, if one has ended. A forgotten child counts as failed. */
export async function childOutcome(
  execution: ActiveRun,
  branches: Children,
): Promise<{ readonly branch: string; readonly result: FinalOutcome } | undefined> {
  for (const [branch, part] of Object.entries(branches)) {
    if (part.kind !== "child") continue;
    const outcome = await outcomeOf(execution, { saga: part.definition.name, id: part.id });
    if (outcome !== undefined) return { branch, result: outcome };
  }
  return undefined;
}

async function outcomeOf(execution: ActiveRun, child: ChildRef): Promise<FinalOutcome | undefined> {
  const [cell] = await execution.host.cells([runCell(child.saga, child.id)]);
  if (cell === undefined) return { status: "failed", failure: { reason: "forgotten" }, compensated: [] };
  const { header } = parseRecord(cell.value);
  return isFinal(header.status) ? header.outcome : undefined;
}

/**
 * Ends the children that a stopped run has left open, those that have lost a race among them: cancels them, waits for their end, and
 * records it, so that one which completed is undone like a step.
 */
export async function endOpenChildren(execution: ActiveRun): Promise<void> {
  for (const { n, branch, child } of openChildren(execution)) {
    let outcome = await outcomeOf(execution, child);
    if (outcome === undefined) {
      await deliver(execution.host.engine, child, {
        kind: "cancel",
        reason: `the parent ${execution.key} was stopped`,
      });
      outcome = await outcomeOf(execution, child);
    }
    if (outcome === undefined) return await execution.waits.pause(`cancel:${n}`, undefined); // woken when the child ends
    const undo = outcome.status === "completed" && execution.undos.has(undoName({ n, b: branch })) ? "yes" : "no";
    const text = endText(n, execution.nowMs(), { branch, text: JSON.stringify(outcome), undo });
    await execution.writer.append(`wait:${n}`, text);
  }
}

/** A child of a wait whose end is not recorded. */
export interface OpenChild {
  readonly n: string;
  readonly branch: string;
  readonly child: ChildRef;
}

export function openChildren(execution: ActiveRun): readonly OpenChild[] {
  const { entries } = execution.journal;
  const ended = new Set(
    entries.flatMap((entry) => (entry.k === "close" || entry.k === "end" ? [`${entry.b} ${entry.n}`] : [])),
  );
  return entries
    .flatMap((entry) =>
      entry.k === "open"
        ? Object.entries(entry.child ?? {}).map(([branch, child]) => ({ n: entry.n, branch, child }))
        : [],
    )
    .filter(({ n, branch }) => !ended.has(`${branch} ${n}`));
}
