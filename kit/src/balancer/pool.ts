import { type AliasTable, aliasTable, placeAt } from "./alias-table.ts";
import type { Slot } from "./slot.ts";

/** The slots among which one pick chooses. Rebuilt whenever one of them becomes available or ceases to be; never changed. */
export interface Pool {
  /** Those that may be chosen now. */
  readonly slots: readonly Slot[];
  /** All that are up, whether trusted or not, by id: what hashing is laid out over, so that a short absence moves no other key. */
  readonly base: readonly Slot[];
  /** 1 at the places of `base` that may be chosen now. */
  readonly isOpen: Uint8Array;
  /** Undefined when all shares are alike: drawing is then one multiplication. */
  readonly table: AliasTable | undefined;
  /** Of `slots`, as configured. */
  readonly weight: number;
  /** Whether these are all slots of the set. */
  readonly isWhole: boolean;
  readonly hasEvenWeights: boolean;
  /** Until then at least one of them is in its slow start. */
  readonly warmUntilMs: number;
}

export function poolOf(slots: readonly Slot[], base: readonly Slot[], setSize: number): Pool {
  const open = new Set(slots);
  const [first] = slots;
  const isEven = slots.every((slot) => slot.share === first?.share);
  return {
    slots,
    base,
    isOpen: Uint8Array.from(base, (slot) => (open.has(slot) ? 1 : 0)),
    table: isEven ? undefined : aliasTable(slots.map((slot) => slot.share)),
    isWhole: slots.length === setSize,
    weight: slots.reduce((sum, slot) => sum + slot.weight, 0),
    hasEvenWeights: base.every((slot) => slot.weight === base[0]?.weight),
    warmUntilMs: slots.reduce((latestMs, slot) => Math.max(latestMs, slot.warmUntilMs), 0),
  };
}

/** A slot of the pool, by weight, for a number in [0, 1); undefined for an empty pool. */
export function drawSlot(pool: Pool, fraction: number): Slot | undefined {
  if (pool.table === undefined) return pool.slots[Math.floor(fraction * pool.slots.length)];
  return pool.slots[placeAt(pool.table, fraction)];
}
