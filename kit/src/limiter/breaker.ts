/** Whether a store is worth asking. */
export type BreakerState =
  | { readonly kind: "closed"; readonly failures: number }
  | { readonly kind: "open"; readonly untilMs: number }
  | { readonly kind: "probing" };

/** When it opens, and for how long. */
export interface BreakerRules {
  readonly failuresMax: number;
  readonly coolDownMs: number;
}

/** What to do with a call. */
export type Permission = "ask" | "probe" | "spare";

/** After the time of rest one call probes while the others are spared. */
export function permissionAt(state: BreakerState, nowMs: number): Permission {
  if (state.kind === "closed") return "ask";
  return state.kind === "open" && nowMs >= state.untilMs ? "probe" : "spare";
}

export function afterSuccess(state: BreakerState): BreakerState {
  // Of calls that were asked before it opened, only the probe says that the store is back.
  return state.kind === "open" ? state : { kind: "closed", failures: 0 };
}

export function afterFailure(state: BreakerState, nowMs: number, rules: BreakerRules): BreakerState {
  if (state.kind === "open") return state;
  const failures = state.kind === "probing" ? rules.failuresMax : state.failures + 1;
  if (failures < rules.failuresMax) return { kind: "closed", failures };
  return { kind: "open", untilMs: nowMs + rules.coolDownMs };
}
