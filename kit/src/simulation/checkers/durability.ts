import type { Violation } from "./violation.ts";

/** What was written, what was acknowledged, and what was found after everything had been restarted. Ids name single writes. */
export interface DurabilityHistory {
  /** Every write that was begun, in the order in which writes take effect. */
  readonly attempted: readonly string[];
  readonly acknowledged: ReadonlySet<string>;
  readonly found: readonly string[];
}

/** What a crash may take: `nothing` that was acknowledged; or the `tail`, that is the latest writes, but never one that lies
 *  before a write which survived. */
export type LossAllowed = "nothing" | "tail";

/**
 * What was acknowledged is there, nothing is there that nobody wrote, and nothing twice. With `mayLose: "tail"` the writes that
 * were found are exactly the first ones of those that took effect: whatever is lost, everything acknowledged after it is lost too.
 */
export function checkDurability(history: DurabilityHistory, mayLose: LossAllowed): readonly Violation[] {
  const found = new Set(history.found);
  return [
    ...strangers(history, found),
    ...repeats(history, found),
    ...(mayLose === "nothing" ? losses(history, found) : holes(history, found)),
  ];
}

function strangers({ attempted }: DurabilityHistory, found: ReadonlySet<string>): readonly Violation[] {
  const known = new Set(attempted);
  const evidence = [...found].filter((id) => !known.has(id));
  if (evidence.length === 0) return [];
  return [{ rule: "durability: phantom", message: `${evidence.length} writes were found that nobody made`, evidence }];
}

function repeats(history: DurabilityHistory, found: ReadonlySet<string>): readonly Violation[] {
  if (found.size === history.found.length) return [];
  const evidence = history.found.filter((id, index) => history.found.indexOf(id) !== index);
  return [{ rule: "durability: repeated", message: `${evidence.length} writes were found more than once`, evidence }];
}

function losses({ attempted, acknowledged }: DurabilityHistory, found: ReadonlySet<string>): readonly Violation[] {
  const evidence = attempted.filter((id) => acknowledged.has(id) && !found.has(id));
  if (evidence.length === 0) return [];
  const message = `${evidence.length} of ${acknowledged.size} acknowledged writes are lost`;
  return [{ rule: "durability: lost", message, evidence }];
}

function holes({ attempted, acknowledged }: DurabilityHistory, found: ReadonlySet<string>): readonly Violation[] {
  const lastFound = attempted.findLastIndex((id) => found.has(id));
  const evidence = attempted.slice(0, Math.max(0, lastFound)).filter((id) => acknowledged.has(id) && !found.has(id));
  if (evidence.length === 0) return [];
  const message = `${evidence.length} acknowledged writes are lost although "${attempted[lastFound]}", made after them, is there`;
  return [{ rule: "durability: order", message, evidence }];
}
