import { cellsPerSlot } from "./cells.ts";
import { judge, judgeEqual, type Keys } from "./judge.ts";
import type { PlacedRule } from "./rule.ts";
import type { RulePlaces } from "./rule-places.ts";
import type { ServerBatch } from "./server-batch.ts";
import type { StoreCall, Verdict } from "./store.ts";
import type { Answer } from "./told-entries.ts";

const granted: Verdict = { kind: "granted", standings: [] };
const refused: Verdict = { kind: "refused", standings: [] };

/**
 * Works out what callers are told, from what the server says that the keys held before the batch: the time; the cells of each slot; then what it
 * told of entries and renewals, in the order of the calls. The server has done the same sums in the same order on the same doubles.
 */
export function replay(
  calls: readonly StoreCall[],
  { places, batch, answer }: { readonly places: RulePlaces; readonly batch: ServerBatch; readonly answer: Answer },
): readonly Verdict[] {
  places.answer = answer;
  const nowUs = answer.next();
  const { cells } = places;
  cells.reserve(batch.names.length + 1);
  for (let slot = 1; slot <= batch.names.length; slot++) {
    cells.numbers[slot * cellsPerSlot] = answer.next();
    cells.numbers[slot * cellsPerSlot + 1] = answer.next();
    cells.setThird(slot, answer.next());
  }
  const ruleKeys = new Map<string, Keys>();
  const keysOf = (placed: PlacedRule): Keys => {
    const known = ruleKeys.get(placed.space);
    if (known !== undefined) return known;
    const slots = batch.slots.get(placed.space);
    const find = (key: string): number => slots?.get(key) ?? 0;
    const made: Keys = { algorithm: places.of(placed).algorithm, find, claim: find };
    ruleKeys.set(placed.space, made);
    return made;
  };
  const verdicts: Verdict[] = [];
  for (const times of batch.runs) {
    const call = calls[verdicts.length];
    if (call === undefined) break;
    if (call.op === "renew") verdicts.push(answer.next() === 1 ? granted : refused);
    else if (call.op === "give-back") verdicts.push(judge(call, nowUs, keysOf));
    else judgeEqual(call, { times, nowUs, keysOf, verdicts });
  }
  return verdicts;
}
