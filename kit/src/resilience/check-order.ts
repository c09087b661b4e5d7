// A pipeline reads from the outside in: fallback, deadline, guards of the whole call, retry, hedge, guards of each attempt, timeout.
// What cannot mean what its writer thinks is refused; what is legal and mostly a mistake is a warning with a name.
import { ConfigError } from "../errors/mod.ts";
import type { Guard } from "./guard.ts";
import type { DeadlineLayer, FallbackLayer, HedgeLayer, Layer, RetryLayer, TimeoutLayer } from "./layers.ts";

/** What a repeat of the work does: nothing (`safe`), nothing more (`idempotent`), nothing more under its key (`keyed`), more (`unsafe`). */
export type Semantics = "safe" | "idempotent" | "keyed" | "unsafe";

/** An order of layers that is mostly a mistake. */
export interface PipelineWarning {
  readonly rule:
    | "breaker-outside-retry"
    | "room-outside-retry"
    | "room-outside-breaker"
    | "retry-of-unsafe-work"
    | "deadline-shorter-than-attempts"
    | "retry-without-budget";
  readonly text: string;
}

/** The layers of a pipeline by their place. */
export interface OrderedLayers {
  readonly fallback: FallbackLayer | undefined;
  readonly deadline: DeadlineLayer | undefined;
  readonly outer: readonly Guard[];
  readonly retry: RetryLayer | undefined;
  readonly hedge: HedgeLayer | undefined;
  readonly guards: readonly Guard[];
  readonly timeout: TimeoutLayer | undefined;
}

const ownKinds = ["fallback", "deadline", "retry", "hedge", "timeout"] as const;
type OwnKind = (typeof ownKinds)[number];

/** Throws ConfigError, which names the layer and says where it belongs. */
export function orderLayers(layers: readonly Layer[], semantics: Semantics | undefined): OrderedLayers {
  for (const layer of layers) refuseUnknown(layer);
  refuseRepeats(layers);
  refusePlaces(layers);
  const hedge = layers.find((layer): layer is HedgeLayer => layer.kind === "hedge" && !isGuard(layer));
  if (hedge !== undefined && (semantics === undefined || semantics === "unsafe"))
    throw new ConfigError("semantics", semantics, `"safe", "idempotent" or "keyed": a hedge does the work twice`);
  const repeats = layers.findIndex((layer) => layer.kind === "retry" || layer.kind === "hedge");
  const timeout = find<TimeoutLayer>(layers, "timeout");
  const deadline = find<DeadlineLayer>(layers, "deadline");
  if (timeout !== undefined && deadline !== undefined && timeout.ms >= deadline.ms)
    throw new ConfigError(
      "layers.timeout",
      timeout.ms,
      `less than the deadline of ${deadline.ms} ms, else it never ends`,
    );
  return {
    fallback: find<FallbackLayer>(layers, "fallback"),
    deadline,
    outer: layers.slice(0, Math.max(0, repeats)).filter(isGuard),
    retry: find<RetryLayer>(layers, "retry"),
    hedge,
    guards: layers.slice(Math.max(0, repeats)).filter(isGuard),
    timeout,
  };
}

/** What should be looked at. */
export function warningsOf(ordered: OrderedLayers, semantics: Semantics | undefined): readonly PipelineWarning[] {
  const warnings: PipelineWarning[] = [];
  const warn = (rule: PipelineWarning["rule"], text: string): void => void warnings.push({ rule, text });
  const { outer, guards, retry, deadline, timeout } = ordered;
  for (const { kind, name } of outer) {
    if (kind === "breaker")
      warn("breaker-outside-retry", `breaker ${name} sees one end for all attempts; write it inside the retry`);
    else warn("room-outside-retry", `${kind} ${name} is held during pauses; write it inside the retry`);
  }
  const breakerAt = guards.findIndex(({ kind }) => kind === "breaker");
  for (const { kind, name } of guards.slice(0, Math.max(0, breakerAt)))
    if (kind !== "breaker")
      warn(
        "room-outside-breaker",
        `a call waits for ${kind} ${name} to be refused by a breaker; write the breaker first`,
      );
  if (retry === undefined) return warnings;
  if (semantics === "unsafe")
    warn("retry-of-unsafe-work", "what failed may have been done; retry only what a repeat does not harm");
  if (retry.budget === undefined)
    warn("retry-without-budget", `a failing dependency gets ${retry.attemptsMax} times the load; share a retryBudget`);
  if (deadline !== undefined && timeout !== undefined && timeout.ms * 2 > deadline.ms)
    warn("deadline-shorter-than-attempts", `an attempt that times out leaves no time for another one`);
  return warnings;
}

function refuseUnknown(layer: Layer): void {
  if (!isGuard(layer) || (typeof layer.enter === "function" && typeof layer.leave === "function")) return;
  throw new ConfigError("layers", layer.kind, `each one of ${ownKinds.join(", ")}, or a guard with enter and leave`);
}

function refuseRepeats(layers: readonly Layer[]): void {
  for (const kind of ownKinds)
    if (layers.filter((layer) => layer.kind === kind).length > 1)
      throw new ConfigError("layers", layers, `one ${kind} at most`);
  const guards = layers.filter(isGuard);
  const twice = guards.find((guard, place) => guards.indexOf(guard) !== place);
  if (twice !== undefined) throw new ConfigError("layers", layers, `${twice.kind} ${twice.name} once`);
}

function refusePlaces(layers: readonly Layer[]): void {
  const place = (kind: OwnKind): number => layers.findIndex((layer) => layer.kind === kind);
  const refuse = (kind: OwnKind, where: string): never => {
    throw new ConfigError(`layers.${kind}`, layers, where);
  };
  if (place("fallback") > 0) refuse("fallback", "a fallback first: whatever is outside of it would not see failures");
  if (place("deadline") > place("fallback") + 1) refuse("deadline", "a deadline outside of all but the fallback");
  const hedgeAt = place("hedge");
  const retryAt = place("retry");
  if (hedgeAt >= 0 && retryAt > hedgeAt)
    refuse("hedge", "a hedge inside the retry, else each hedge has retries of its own");
  if (hedgeAt >= 0 && retryAt >= 0 && hedgeAt !== retryAt + 1)
    refuse("hedge", "a hedge right inside the retry, so that guards count each attempt");
  const timeoutAt = place("timeout");
  if (timeoutAt >= 0 && timeoutAt !== layers.length - 1)
    refuse(
      "timeout",
      "a timeout last: it is the time of an attempt, as waitMaxMs is that of a queue and a deadline that of all",
    );
}

function isGuard(layer: Layer): layer is Guard {
  return !ownKinds.some((kind) => kind === layer.kind);
}

function find<L extends Layer>(layers: readonly Layer[], kind: OwnKind): L | undefined {
  return layers.find((layer) => layer.kind === kind) as L | undefined;
}
