import type { AnySaga, UndoOptions } from "./context.ts";

/** One thing that can end a wait. */
export type Branch =
  | { readonly kind: "timer"; readonly delayMs: number }
  | { readonly kind: "signal"; readonly name: string }
  | {
      readonly kind: "child";
      readonly definition: AnySaga;
      readonly id: string;
      readonly input: unknown;
      readonly undo: UndoOptions<never> | undefined;
    };

/** A wait as the code asks for it. */
export interface WaitSpec<T> {
  readonly name: string;
  /** What is waited for, in words for people. */
  readonly on: string;
  readonly branches: Readonly<Record<string, Branch>>;
  /** What the code gets when `branch` came first. May throw. */
  readonly valueOf: (branch: string, result: unknown) => T;
}

/** One wait out of several, each with a name; `branch.part` is part `part` of the wait `branch`. */
export function raceOf(
  name: string,
  specs: Readonly<Record<string, WaitSpec<unknown>>>,
): WaitSpec<{ readonly winner: string; readonly value: unknown }> {
  const branches: Record<string, Branch> = {};
  for (const [winner, spec] of Object.entries(specs))
    for (const [part, branch] of Object.entries(spec.branches)) branches[`${winner}.${part}`] = branch;
  return {
    name,
    on: Object.values(specs)
      .map((spec) => spec.on)
      .join(" or "),
    branches,
    valueOf: (branch, result) => {
      const at = branch.indexOf(".");
      const winner = branch.slice(0, at);
      return { winner, value: specs[winner]?.valueOf(branch.slice(at + 1), result) };
    },
  };
}
