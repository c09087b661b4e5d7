import type { ImportedInvoice } from "../contracts/mod.ts";
import { sumMinor } from "../money.ts";
import type { ClassifiedInvoice } from "./classify-invoice.ts";

type Meaning = ImportedInvoice["meaning"];

/** A classified invoice as the orders take it. */
export function importOf(classified: ClassifiedInvoice): ImportedInvoice {
  const { accepted, quarantine } = classified;
  const [first] = accepted;
  return {
    meaning: meaningOf(classified),
    ...(first === undefined ? {} : { day: first.time.slice(0, 10) }),
    accepted: accepted.length,
    quarantine: quarantine.map(({ number, reason, text }) => ({ line: number, reason, text })),
  };
}

/** The same invoice once it is known to have been imported before: all of its lines are kept in quarantine. */
export function asRepeated({ accepted, quarantine }: ClassifiedInvoice): ImportedInvoice {
  const repeated = accepted.map(({ number, text }) => ({ line: number, reason: twice, text }));
  const others = quarantine.map(({ number, reason, text }) => ({ line: number, reason, text }));
  return { meaning: { kind: "nothing" }, accepted: 0, quarantine: [...others, ...repeated] };
}

const twice = "an invoice that was imported before";

function meaningOf({ meaning, accepted, invoice = "" }: ClassifiedInvoice): Meaning {
  const [first] = accepted;
  if (meaning.kind === "nothing" || first === undefined) return { kind: "nothing" };
  const customer = first.customer === undefined ? {} : { customer: first.customer };
  switch (meaning.kind) {
    case "adjustment":
      return { kind: "adjustment", invoice, amountMinor: sumMinor(accepted.map((line) => line.totalMinor)) };
    case "return":
      return { kind: "return", invoice, ...customer, placedAt: first.time, lines: [...meaning.lines] };
    case "order": {
      const { lines, writeOffs } = meaning;
      const { country, time: placedAt } = first;
      return {
        kind: "order",
        invoice,
        ...customer,
        country,
        placedAt,
        lines: [...lines],
        writeOffs: [...writeOffs],
      };
    }
    default:
      throw new Error(`unknown meaning ${meaning satisfies never}`);
  }
}
