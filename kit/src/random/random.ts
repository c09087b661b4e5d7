/** Where chance comes from. Code that takes a Random can be replayed from a seed. */
export interface Random {
  /** At least 0 and below 1, with 53 random bits. */
  next(): number;
  /** Evenly from `min` to `maxInclusive`, both safe integers at most 2^53 - 1 apart. */
  integer(min: number, maxInclusive: number): number;
  /** One of `items`, which is not empty. */
  pick<T>(items: readonly T[]): T;
  /** A new array in random order (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /**
   * An independent source for one purpose. It depends on the seed and the name only, not on what was drawn before, so that a
   * new draw in one place does not change the draws of another. The same name gives the same sequence from its start.
   */
  stream(name: string): Random;
}
