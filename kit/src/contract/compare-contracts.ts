import type { AnyContract } from "./contract.ts";
import { type CallDescription, describeContract, describeSchema, type QueueDescription } from "./describe-contract.ts";
import { narrowings, type UnknownFields } from "./narrowing.ts";
import type { JsonSchema } from "../schema/mod.ts";

/** One way in which a newer contract breaks who was built for an older one. */
export interface Breakage {
  /** `place`, or for the contract as a whole "". */
  readonly operation: string;
  /** Who notices: callers and subscribers, or handlers of messages that are already stored. */
  readonly breaks: "callers" | "stored messages";
  readonly message: string;
}

/**
 * What would break if `after` took the place of `before`: inputs may only widen, outputs only narrow, events do neither, nothing that exists may go,
 * routes and keys stay, deadlines and semantics may not weaken. Empty when everybody built for `before` goes on as he is.
 */
export function compareContracts(before: AnyContract, after: AnyContract): readonly Breakage[] {
  const old = describeContract(before);
  const next = describeContract(after);
  return [
    ...compareCalls(old.calls, next.calls),
    ...compareCalls(old.streams, next.streams),
    ...compareMessages(old.events, next.events, ({ data }) => data),
    ...compareStoredEvents(before, after),
    ...compareQueues(old.queues, next.queues),
  ];
}

type Group<T> = Readonly<Record<string, T>>;

function compareCalls(before: Group<CallDescription>, after: Group<CallDescription>): Breakage[] {
  return Object.entries(before).flatMap(([operation, old]) => {
    const next = after[operation];
    if (next === undefined) return [gone(operation)];
    return [
      ...schemaBreakages({ operation, what: "input", from: old.input, to: next.input }, "refused"),
      ...schemaBreakages({ operation, what: "output", from: next.output, to: old.output }, "dropped"),
      ...errorBreakages(operation, old, next),
      ...termBreakages(operation, old, next),
    ];
  });
}

function errorBreakages(operation: string, old: CallDescription, next: CallDescription): Breakage[] {
  return Object.entries(next.errors).flatMap(([name, schema]) => {
    const known = old.errors[name];
    if (known === undefined) return [callers(operation, `may now refuse with ${name}, which callers do not know`)];
    return schemaBreakages({ operation, what: `data of ${name}`, from: schema, to: known }, "dropped");
  });
}

/** From the strongest promise to the weakest. */
const strength = ["safe", "idempotent", "keyed", "unsafe"];

function termBreakages(operation: string, old: CallDescription, next: CallDescription): Breakage[] {
  const found: Breakage[] = [];
  if (strength.indexOf(next.semantics) > strength.indexOf(old.semantics))
    found.push(callers(operation, `was ${old.semantics}, is ${next.semantics}: callers may repeat it`));
  if (next.deadlineMs < old.deadlineMs)
    found.push(callers(operation, `deadline was ${old.deadlineMs} ms, is ${next.deadlineMs} ms`));
  const route = routeOf(old);
  if (route !== undefined && route !== routeOf(next))
    found.push(callers(operation, `was at ${route}, is at ${routeOf(next) ?? "no route"}`));
  return found;
}

function routeOf({ http }: CallDescription): string | undefined {
  return http === undefined ? undefined : `${http.method} ${http.path} (${http.status})`;
}

type Keyed = { readonly key: string | undefined };

function compareMessages<T extends Keyed>(
  before: Group<T>,
  after: Group<T>,
  schemaOf: (message: T) => JsonSchema,
): Breakage[] {
  return Object.entries(before).flatMap(([operation, old]) => {
    const next = after[operation];
    if (next === undefined) return [gone(operation)];
    return [
      ...schemaBreakages({ operation, what: "data", from: schemaOf(next), to: schemaOf(old) }, "dropped"),
      ...keyBreakages(operation, old, next),
    ];
  });
}

/** Events that are stored under the old contract are heard under the new one: a new subscriber begins at the first. */
function compareStoredEvents(before: AnyContract, after: AnyContract): Breakage[] {
  return Object.entries(before.events).flatMap(([operation, old]) => {
    const next = after.events[operation];
    if (next === undefined) return [];
    const stored = describeSchema(old.data, { direction: "output" });
    return narrowings(stored, describeSchema(next.data), "refused").map(({ path, reason }): Breakage => {
      return { operation, breaks: "stored messages", message: `stored data${path}: ${reason}` };
    });
  });
}

/** Jobs that are stored under the old contract are handled under the new one. */
function compareQueues(before: Group<QueueDescription>, after: Group<QueueDescription>): Breakage[] {
  return Object.entries(before).flatMap(([operation, old]) => {
    const next = after[operation];
    if (next === undefined) return [gone(operation)];
    const found = schemaBreakages({ operation, what: "input", from: old.input, to: next.input }, "refused");
    return [
      ...found.flatMap((breakage) => [breakage, { ...breakage, breaks: "stored messages" as const }]),
      ...answerBreakages(operation, old, next),
      ...keyBreakages(operation, old, next),
    ];
  });
}

function answerBreakages(operation: string, old: QueueDescription, next: QueueDescription): Breakage[] {
  if (old.output === undefined && next.output === undefined) return [];
  if (old.output === undefined)
    return [callers(operation, "was answered with the id of the job, and is with its result")];
  if (next.output === undefined) return [callers(operation, "is not answered any more")];
  const found = schemaBreakages({ operation, what: "output", from: next.output, to: old.output }, "dropped");
  const isSooner = next.deadlineMs < old.deadlineMs;
  return isSooner
    ? [...found, callers(operation, `deadline was ${old.deadlineMs} ms, is ${next.deadlineMs} ms`)]
    : found;
}

function keyBreakages(operation: string, old: Keyed, next: Keyed): Breakage[] {
  if (old.key === next.key) return [];
  return [callers(operation, `was ordered by ${old.key ?? "nothing"}, is ordered by ${next.key ?? "nothing"}`)];
}

interface SchemaPair {
  readonly operation: string;
  readonly what: string;
  readonly from: JsonSchema;
  readonly to: JsonSchema;
}

function schemaBreakages({ operation, what, from, to }: SchemaPair, unknownFields: UnknownFields): Breakage[] {
  return narrowings(from, to, unknownFields).map(({ path, reason }) => callers(operation, `${what}${path}: ${reason}`));
}

function gone(operation: string): Breakage {
  return callers(operation, "is gone");
}

function callers(operation: string, message: string): Breakage {
  return { operation, breaks: "callers", message };
}
