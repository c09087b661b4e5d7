import { hash32 } from "ashlar/codec";

const range = 2 ** 32;

/** A number from 0 (inclusive) to 1 that depends on the seed and the parts only: the same in every run, order of events and process.
 *  Whoever draws by position or time instead makes a killed and resumed run differ from an undisturbed one. */
export function draw(seed: number, ...parts: readonly (string | number)[]): number {
  return hash32(`${seed}|${parts.join("|")}`) / range;
}

/** One of `items`, which is not empty, drawn like {@link draw}. */
export function drawOne<const T>(items: readonly [T, ...T[]], seed: number, ...parts: readonly (string | number)[]): T {
  return items[Math.floor(draw(seed, ...parts) * items.length)] ?? items[0];
}
