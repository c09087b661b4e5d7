import { invariant } from "../../errors/mod.ts";
import type { Operation } from "./operation.ts";

/** A call or its answer in the list of all of them by time: a list that a call and its answer can be taken out of and put back into. */
export interface Entry<Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly index: number;
  readonly kind: "call" | "answer";
  /** Of a call: its answer, if there was one. */
  readonly answer: Entry<Input, Output> | undefined;
  before: Link<Input, Output>;
  after: Entry<Input, Output> | undefined;
}

/** What has something behind it: an entry, or the head of the list. */
export interface Link<Input, Output> {
  after: Entry<Input, Output> | undefined;
}

/** The head of the list. A call that was made at the time of another's answer comes before it: the two overlap. */
export function entriesOf<Input, Output>(operations: readonly Operation<Input, Output>[]): Link<Input, Output> {
  const head: Link<Input, Output> = { after: undefined };
  const timed = operations.flatMap((operation, index) => {
    const answer: Entry<Input, Output> | undefined = operation.answer && {
      operation,
      index,
      kind: "answer",
      answer: undefined,
      before: head,
      after: undefined,
    };
    const call: Entry<Input, Output> = { operation, index, kind: "call", answer, before: head, after: undefined };
    invariant(operation.invokedAt <= (operation.answer?.at ?? Infinity), "an answer does not come before its call");
    const at = { call: operation.invokedAt, answer: operation.answer?.at ?? 0 };
    return [{ at: at.call, entry: call }, ...(answer === undefined ? [] : [{ at: at.answer, entry: answer }])];
  });
  timed.sort((left, right) => left.at - right.at || rank(left.entry) - rank(right.entry));
  let last = head;
  for (const { entry } of timed) {
    entry.before = last;
    last.after = entry;
    last = entry;
  }
  return head;
}

function rank({ kind }: Entry<unknown, unknown>): number {
  return kind === "call" ? 0 : 1;
}

export function isCall(entry: Entry<unknown, unknown>): boolean {
  return entry.kind === "call";
}

/** Takes a call and its answer out. */
export function lift<Input, Output>(call: Entry<Input, Output>): void {
  takeOut(call);
  if (call.answer !== undefined) takeOut(call.answer);
}

/** Puts them back to where they were; calls are put back in the reverse order of being taken out. */
export function unlift<Input, Output>(call: Entry<Input, Output>): void {
  if (call.answer !== undefined) putBack(call.answer);
  putBack(call);
}

function takeOut<Input, Output>(entry: Entry<Input, Output>): void {
  entry.before.after = entry.after;
  if (entry.after !== undefined) entry.after.before = entry.before;
}

function putBack<Input, Output>(entry: Entry<Input, Output>): void {
  entry.before.after = entry;
  if (entry.after !== undefined) entry.after.before = entry;
}
