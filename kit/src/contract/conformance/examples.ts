import type { AnyContract, CallInput, Caller } from "../mod.ts";

/** Inputs with which the operations of a contract are exercised. Where a call has none, only what needs none is proven of it. */
export type Examples<C extends AnyContract> = {
  readonly [K in keyof C["calls"]]?: CallExample<CallInput<C["calls"][K]>, keyof C["calls"][K]["errors"]>;
};

/** Inputs of one call. */
export interface CallExample<I, Failure extends PropertyKey> {
  /** An input that is answered. Made anew for each use, so that examples do not meet each other. */
  readonly good?: () => I;
  /** For each declared error, an input that is refused with it. */
  readonly refused?: { readonly [F in Failure]?: () => I };
}

/** The examples of a call, whatever its types. */
export interface AnyCallExample {
  readonly good?: (() => unknown) | undefined;
  readonly refused?: Readonly<Record<string, (() => unknown) | undefined>> | undefined;
}

/** Who calls, in the rules that need somebody. */
export const nobodyInParticular: Caller = { id: "conformance", roles: [] };
