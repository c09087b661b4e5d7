import { drawsFrom } from "./draws.ts";
import type { Random } from "./random.ts";

/**
 * The same sequence for the same seed, on every machine and in every version of the kit; a number and its decimal text are one
 * seed. About 10 ns a draw, period 2^128 - 1. Not for secrets: the state can be computed from the output.
 * Source: xoshiro128** 1.1 (Blackman and Vigna 2018), state filled from the seed by four rounds of a MurmurHash3-style mix.
 */
export function seededRandom(seed: number | string): Random {
  const text = String(seed);
  // A length prefix keeps ("a", "b/c") and ("a/b", "c") apart.
  return drawsFrom(xoshiro128(text), (name) => seededRandom(`${text.length}:${text}/${name}`));
}

function xoshiro128(text: string): () => number {
  let [a, b, c, d] = stateOf(text);
  const word = (): number => {
    const scrambled = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotated(d, 11);
    return scrambled;
  };
  // 26 high bits and 27 low bits make the 53 of a double's fraction.
  return () => ((word() >>> 6) * 134_217_728 + (word() >>> 5)) / 9_007_199_254_740_992;
}

function stateOf(text: string): [number, number, number, number] {
  const lanes: [number, number, number, number] = [
    laneOf(text, 0x243f6a88), // the first digits of pi, as in Blowfish: four constants with nothing hidden in them
    laneOf(text, 0x85a308d3),
    laneOf(text, 0x13198a2e),
    laneOf(text, 0x03707344),
  ];
  if (lanes.every((lane) => lane === 0)) lanes[0] = 1; // the one state from which the generator never leaves
  return lanes;
}

function laneOf(text: string, salt: number): number {
  let hash = salt ^ text.length;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0xcc9e2d51);
    hash = Math.imul(rotated(hash, 15), 0x1b873593);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
