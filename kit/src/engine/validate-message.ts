import type { FieldChecks } from "./field-checks.ts";
import type { NewMessage, Settlement } from "./message.ts";

/** Refuses a malformed message with ChangeError. */
export function validateMessage(message: NewMessage, check: FieldChecks): void {
  check.text("body", message.body);
  check.optionalInteger("lane", message.lane, { min: 0, max: 9 });
  check.optionalName("key", message.key);
  if (message.headers !== undefined) validateHeaders(message.headers, check);
  if (message.delayMs !== undefined) check.duration("delayMs", message.delayMs, 0);
  check.optionalInteger("dueAtMs", message.dueAtMs, { min: 0 });
  if (message.delayMs !== undefined && message.dueAtMs !== undefined)
    check.fail("dueAtMs", "cannot be given together with delayMs");
  if (message.dedup !== undefined) {
    check.name("dedup.key", message.dedup.key);
    check.duration("dedup.forMs", message.dedup.forMs, 1);
  }
  if (message.claimForMs === undefined) return;
  check.duration("claimForMs", message.claimForMs, 1);
  if (message.key !== undefined || (message.delayMs ?? 0) > 0 || message.dueAtMs !== undefined)
    check.fail("claimForMs", "cannot be given together with a key or a delay");
}

function validateHeaders(headers: Readonly<Record<string, string>>, check: FieldChecks): void {
  for (const [name, value] of Object.entries(headers)) {
    check.name("headers", name);
    check.text(`headers.${name}`, value);
  }
  check.text("headers", JSON.stringify(headers));
}

/** Refuses a malformed settlement with ChangeError. */
export function validateSettlement(settlement: Settlement, check: FieldChecks): void {
  switch (settlement.kind) {
    case "ack":
    case "release":
      return;
    case "retry":
      check.duration("as.delayMs", settlement.delayMs, 0);
      if (settlement.failure !== undefined) check.text("as.failure", settlement.failure);
      return;
    case "park":
      if (settlement.delayMs !== undefined) check.duration("as.delayMs", settlement.delayMs, 0);
      return;
    case "dead":
      check.text("as.reason", settlement.reason);
      if (settlement.failure !== undefined) check.text("as.failure", settlement.failure);
      return;
    default:
      check.fail("as.kind", `is unknown: ${String((settlement satisfies never as { kind: unknown }).kind)}`);
  }
}
