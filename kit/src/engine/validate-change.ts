import type { CellKey, ExpectedCell } from "./cell.ts";
import type { Append, Change, Discard, Put, Redrive, Wake } from "./change.ts";
import { ChangeError } from "./errors.ts";
import type { ExpectedVersion } from "./event-record.ts";
import { fieldChecks, type FieldChecks } from "./field-checks.ts";
import type { NewMessage, Receipt } from "./message.ts";
import { validateMessage, validateSettlement } from "./validate-message.ts";

/** The limits of an engine that a list of changes must keep; its `Capabilities` fit. */
export interface ChangeLimits {
  readonly payloadBytesMax: number;
  readonly changesMax: number;
}

/**
 * Refuses, before anything waits, what no state of the engine could make right: malformed fields, too many changes, and a stream,
 * cell, receipt or inbox entry named twice (so that the checks of a list are independent of its order). Throws {@link ChangeError}.
 */
export function validateChanges(changes: readonly Change[], limits: ChangeLimits): void {
  let weight = 0;
  let index = 0;
  const check = fieldChecks(limits.payloadBytesMax);
  for (const change of changes) {
    check.ofChange(index++);
    validateChange(change, check);
    weight += weightOf(change);
  }
  if (weight > limits.changesMax)
    throw new ChangeError(`a commit of ${weight} changes is above the limit of ${limits.changesMax}`);
  if (changes.length > 1) refuseRepeats(changes);
}

function weightOf(change: Change): number {
  switch (change.op) {
    case "enqueue":
      return Math.max(1, change.messages.length);
    case "append":
      return change.events.length;
    case "wake":
    case "redrive":
    case "discard":
      return Math.max(1, change.ids.length);
    default:
      return 1;
  }
}

function validateChange(change: Change, check: FieldChecks): void {
  switch (change.op) {
    case "enqueue":
      check.name("queue", change.queue);
      check.optionalInteger("keyConcurrency", change.keyConcurrency, { min: 1 });
      check.optionalInteger("depthMax", change.depthMax, { min: 1 });
      return validateMessages(change.messages, check);
    case "settle":
      validateReceipt(change.receipt, check);
      return validateSettlement(change.as, check);
    case "hold":
      return validateReceipt(change.receipt, check);
    case "append":
      return validateAppend(change, check);
    case "put":
      return validatePut(change, check);
    case "check":
      validateCell(change.cell, check);
      return validateExpectedCell(change.expect, check);
    case "seen":
      check.name("consumer", change.consumer);
      check.name("id", change.id);
      return check.duration("keepMs", change.keepMs, 1);
    case "wake":
      return validateMove(change, check);
    case "redrive":
      check.optionalInteger("keyConcurrency", change.keyConcurrency, { min: 1 });
      return validateMove(change, check);
    case "discard":
      if (change.state !== undefined) check.oneOf("state", change.state, ["dead"]);
      return validateMove(change, check);
    case "flow":
      check.name("queue", change.queue);
      return check.oneOf("to", change.to, ["open", "paused"]);
    default:
      check.fail("op", `is unknown: ${String((change satisfies never as { op: unknown }).op)}`);
  }
}

function validateMessages(messages: readonly NewMessage[], check: FieldChecks): void {
  let at = 0;
  for (const message of messages) {
    check.ofItem("messages", at++);
    validateMessage(message, check);
  }
}

function validateMove({ queue, ids }: Wake | Redrive | Discard, check: FieldChecks): void {
  check.name("queue", queue);
  for (const id of ids) check.name("ids", id);
}

function validateReceipt(receipt: Receipt, check: FieldChecks): void {
  check.name("receipt.queue", receipt.queue);
  check.name("receipt.id", receipt.id);
  check.integer("receipt.token", receipt.token, { min: 0 });
}

function validateAppend(change: Append, check: FieldChecks): void {
  check.name("log", change.log);
  check.name("stream", change.stream);
  validateExpectedVersion(change.expected, check);
  if (change.events.length === 0) check.fail("events", "must hold at least one event");
  let at = 0;
  for (const event of change.events) {
    check.ofItem("events", at++);
    check.name("type", event.type);
    check.optionalInteger("schema", event.schema, { min: 1 });
    check.text("data", event.data);
    if (event.meta !== undefined) check.text("meta", event.meta);
  }
}

function validatePut(change: Put, check: FieldChecks): void {
  validateCell(change.cell, check);
  validateExpectedCell(change.expect, check);
  if (change.value !== undefined) check.text("value", change.value);
  if (change.expiresInMs !== undefined) check.duration("expiresInMs", change.expiresInMs, 1);
}

function validateCell(cell: CellKey, check: FieldChecks): void {
  check.name("cell.space", cell.space);
  check.name("cell.key", cell.key);
}

function validateExpectedCell(expect: ExpectedCell, check: FieldChecks): void {
  if (typeof expect === "number") check.integer("expect", expect, { min: 1 });
  else check.oneOf("expect", expect, ["absent", "present", "any"]);
}

function validateExpectedVersion(expected: ExpectedVersion, check: FieldChecks): void {
  if (typeof expected === "number") check.integer("expected", expected, { min: 0 });
  else check.oneOf("expected", expected, ["new", "existing", "any"]);
}

// Comparing each with each costs less than a set of names for so many.
const comparedMax = 8;

function refuseRepeats(changes: readonly Change[]): void {
  if (changes.length <= comparedMax) return refuseRepeatsOfFew(changes);
  // Streams have sets of their own: long lists are mostly appends, and a stream's name needs no other text made of it.
  const streams = new Map<string, Set<string>>();
  const named = new Set<string>();
  let index = 0;
  for (const change of changes) {
    if (change.op === "append") {
      if (isNamed(streamsOf(streams, change.log), change.stream)) refuseRepeat(index, change);
    } else {
      const name = nameOf(change);
      if (name !== undefined && isNamed(named, name)) refuseRepeat(index, change);
    }
    index++;
  }
}

function streamsOf(streams: Map<string, Set<string>>, log: string): Set<string> {
  let ofLog = streams.get(log);
  if (ofLog === undefined) streams.set(log, (ofLog = new Set()));
  return ofLog;
}

/** Whether the name is there already; it is, from now on. */
function isNamed(names: Set<string>, name: string): boolean {
  const { size } = names;
  return names.add(name).size === size;
}

function refuseRepeatsOfFew(changes: readonly Change[]): void {
  for (let index = 1; index < changes.length; index++) {
    const change = changes[index];
    for (let earlier = 0; earlier < index; earlier++) {
      const other = changes[earlier];
      if (change !== undefined && other !== undefined && nameTheSame(change, other)) refuseRepeat(index, change);
    }
  }
}

function refuseRepeat(index: number, change: Change): never {
  throw new ChangeError(`change ${index}: the commit names ${change.op} ${nameOf(change)} twice`);
}

function nameTheSame(one: Change, other: Change): boolean {
  switch (one.op) {
    case "append":
      return other.op === "append" && one.stream === other.stream && one.log === other.log;
    case "put":
    case "check":
      return (other.op === "put" || other.op === "check") && isSameCell(one.cell, other.cell);
    case "settle":
    case "hold":
      return (other.op === "settle" || other.op === "hold") && isSameMessage(one.receipt, other.receipt);
    case "seen":
      return other.op === "seen" && one.id === other.id && one.consumer === other.consumer;
    default:
      return false;
  }
}

function isSameCell(one: CellKey, other: CellKey): boolean {
  return one.key === other.key && one.space === other.space;
}

function isSameMessage(one: Receipt, other: Receipt): boolean {
  return one.id === other.id && one.queue === other.queue;
}

/** What a commit may name once. Names may hold any character, so the parts are joined with their lengths. */
function nameOf(change: Change): string | undefined {
  switch (change.op) {
    case "append":
      return joined("stream", change.log, change.stream);
    case "put":
    case "check":
      return joined("cell", change.cell.space, change.cell.key);
    case "settle":
    case "hold":
      return joined("receipt", change.receipt.queue, change.receipt.id);
    case "seen":
      return joined("inbox", change.consumer, change.id);
    default:
      return undefined;
  }
}

function joined(kind: string, first: string, second: string): string {
  return `${kind} ${first.length}:${first}/${second}`;
}
