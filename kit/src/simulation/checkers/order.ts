import type { Violation } from "./violation.ts";

/** One handling of one item: from when to when, `undefined` when its process died in it. Times are those of the world. */
export interface Handling {
  readonly key: string;
  readonly id: string;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
}

/** How items of one key are to be handled. */
export interface OrderRules {
  /** Items in the order in which they were added, each once. */
  readonly added: readonly { readonly key: string; readonly id: string }[];
  /** Handlings of one key that may run at once. Handlings that ended with their process are left out of the count. */
  readonly atOnceMax: number;
}

/**
 * The first handling of each item starts in the order of adding, a key, and no more than `atOnceMax` of a key run at the same time.
 * With `atOnceMax` 1 the handling of an item also never starts again once a later one has started.
 */
export function checkOrder(handlings: readonly Handling[], rules: OrderRules): readonly Violation[] {
  const placeOf = new Map(rules.added.map(({ id }, place) => [id, place]));
  const byKey = Map.groupBy(handlings, ({ key }) => key);
  return [...byKey.values()].flatMap((ofKey) => {
    const started = ofKey.toSorted((left, right) => left.startedAt - right.startedAt);
    return [...disorder(started, placeOf, rules.atOnceMax), ...crowd(started, rules.atOnceMax)];
  });
}

function disorder(
  started: readonly Handling[],
  placeOf: ReadonlyMap<string, number>,
  atOnceMax: number,
): readonly Violation[] {
  const seen = new Set<string>();
  let latest: Handling | undefined;
  for (const handling of started) {
    const isRepeat = seen.has(handling.id);
    seen.add(handling.id);
    if (isRepeat && atOnceMax > 1) continue;
    if (latest !== undefined && place(placeOf, handling) < place(placeOf, latest))
      return [
        {
          rule: "order: overtaken",
          message: `"${handling.id}" of key "${handling.key}" starts after "${latest.id}", which was added after it`,
          evidence: [latest, handling],
        },
      ];
    latest = handling;
  }
  return [];
}

function place(placeOf: ReadonlyMap<string, number>, { id }: Handling): number {
  return placeOf.get(id) ?? Number.POSITIVE_INFINITY;
}

function crowd(started: readonly Handling[], atOnceMax: number): readonly Violation[] {
  let running: Handling[] = [];
  for (const handling of started) {
    running = running.filter(({ endedAt }) => endedAt !== undefined && endedAt > handling.startedAt);
    running.push(handling);
    if (running.length > atOnceMax)
      return [
        {
          rule: "order: crowd",
          message: `${running.length} handlings of key "${handling.key}" run at once, ${atOnceMax} may`,
          evidence: running,
        },
      ];
  }
  return [];
}
