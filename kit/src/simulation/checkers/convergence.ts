import { canonicalJson } from "../../codec/mod.ts";
import type { Violation } from "./violation.ts";

/** All replicas hold the same value once the world has come to rest. Values are compared as canonical JSON. */
export function checkConvergence(replicas: ReadonlyMap<string, unknown>): readonly Violation[] {
  const groups = Map.groupBy(replicas, ([, value]) => canonicalJson(value));
  if (groups.size <= 1) return [];
  const evidence = [...groups].map(([value, of]) => ({ replicas: of.map(([name]) => name), value }));
  return [{ rule: "convergence", message: `${replicas.size} replicas hold ${groups.size} different values`, evidence }];
}
