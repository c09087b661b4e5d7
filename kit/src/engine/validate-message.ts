import type { FieldChecks } from "./field-checks.ts";
import type { NewMessage, Settlement } from "./message.ts";

/** Refuses a malformed message with ChangeError. `field` is its path in the change, such as `messages[3]`. */
export function validateMessage(message: NewMessage, field: string, check: FieldChecks): void {
  check.text(`${field}.body`, message.body);
  check.optionalInteger(`${field}.lane`, message.lane, { min: 0, max: 9 });
  check.optionalName(`${field}.key`, message.key);
  if (message.headers !== undefined) validateHeaders(message.headers, field, check);
  if (message.delayMs !== undefined) check.duration(`${field}.delayMs`, message.delayMs, 0);
  check.optionalInteger(`${field}.dueAtMs`, message.dueAtMs, { min: 0 });
  if (message.delayMs !== undefined && message.dueAtMs !== undefined)
    check.fail(`${field}.dueAtMs`, "cannot be given together with delayMs");
  if (message.dedup !== undefined) {
    check.name(`${field}.dedup.key`, message.dedup.key);
    check.duration(`${field}.dedup.forMs`, message.dedup.forMs, 1);
  }
  if (message.claimForMs === undefined) return;
  check.duration(`${field}.claimForMs`, message.claimForMs, 1);
  if (message.key !== undefined || (message.delayMs ?? 0) > 0 || message.dueAtMs !== undefined)
    check.fail(`${field}.claimForMs`, "cannot be given together with a key or a delay");
}

function validateHeaders(headers: Readonly<Record<string, string>>, field: string, check: FieldChecks): void {
  for (const [name, value] of Object.entries(headers)) {
    check.name(`${field}.headers`, name);
    check.text(`${field}.headers.${name}`, value);
  }
  check.text(`${field}.headers`, JSON.stringify(headers));
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
