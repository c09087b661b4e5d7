import type { Attempt } from "./attempt.ts";
import type { Refusal } from "./refusal.ts";

/** Sees an attempt through to its end, from whatever its guards answered: waits for room, does the work, leaves. Never rejects. */
export async function passed(attempt: Attempt, entering: ReturnType<Attempt["enter"]>): Promise<Attempt> {
  let refused: Refusal | undefined;
  try {
    refused = await entering;
  } catch (error) {
    attempt.fail(error);
    attempt.leave();
    return attempt;
  }
  if (refused === undefined) return new Promise((resolve) => attempt.begin(resolve));
  attempt.refuse(refused);
  attempt.leave();
  return attempt;
}
