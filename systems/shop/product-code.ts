/** What codes without stock stand for. They are charged (or credited) and never reserved. */
const charges: ReadonlyMap<string, string> = new Map([
  ["POST", "postage"],
  ["DOT", "postage of the web shop"],
  ["C2", "carriage"],
  ["M", "manual entry"],
  ["D", "discount"],
  ["B", "bad debt"],
  ["S", "samples"],
  ["CRUK", "charity commission"],
  ["PADS", "packing material"],
  ["BANK CHARGES", "bank charges"],
  ["AMAZONFEE", "marketplace commission"],
]);

/** The one spelling of a code: trimmed, upper case (the files hold 60 codes in two letter cases). */
export function productCode(text: string): string {
  return text.trim().toUpperCase();
}

/** What a code without stock stands for, or `undefined` for goods. Gift vouchers are charges: nothing is taken from a shelf. */
export function chargeName(code: string): string | undefined {
  return charges.get(code) ?? (code.startsWith("GIFT_") ? "gift voucher" : undefined);
}

/** Whether a code stands for goods that are kept in stock. */
export function isStocked(code: string): boolean {
  return chargeName(code) === undefined;
}
