import { cellsPerSlot } from "../cells.ts";
import { judge, type Keys } from "../judge.ts";
import type { PlacedRule } from "../rule.ts";
import type { StoreCall, Verdict } from "../store.ts";
import type { Request } from "./request.ts";
import type { RulePlaces } from "./rule-places.ts";
import { Answer } from "./told-entries.ts";

const granted: Verdict = { kind: "granted", standings: [] };
const refused: Verdict = { kind: "refused", standings: [] };

/** Works out what callers are told, from what the server says that the keys held before the batch. */
export function replay(
  calls: readonly StoreCall[],
  { places, request, bytes }: { readonly places: RulePlaces; readonly request: Request; readonly bytes: Buffer },
): readonly Verdict[] {
  const answer = new Answer(bytes);
  places.answer = answer;
  const nowUs = answer.next();
  const { cells } = places;
  cells.reserve(request.slotCount + 1);
  for (let at = cellsPerSlot; at < (request.slotCount + 1) * cellsPerSlot; at++) cells.numbers[at] = answer.next();
  const ruleKeys = new Map<string, Keys>();
  const keysOf = (placed: PlacedRule): Keys => {
    const known = ruleKeys.get(placed.space);
    if (known !== undefined) return known;
    const slots = request.slots.get(placed.space);
    const find = (key: string): number => slots?.get(key) ?? 0;
    const made: Keys = { algorithm: places.of(placed).algorithm, find, claim: find };
    ruleKeys.set(placed.space, made);
    return made;
  };
  return calls.map((call) => {
    if (call.op !== "renew") return judge(call, nowUs, keysOf);
    return answer.next() === 1 ? granted : refused;
  });
}
