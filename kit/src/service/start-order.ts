import { contractId } from "../contract/mod.ts";
import type { Implementation } from "./implement.ts";

/** The services in an order in which each comes after those it needs; in a circle of needs, in the order of the system. */
export function startOrder(services: readonly Implementation[]): readonly Implementation[] {
  const byId = new Map(services.map((service) => [contractId(service.contract), service]));
  const ordered = new Set<Implementation>();
  const begun = new Set<Implementation>();
  const visit = (service: Implementation): void => {
    if (begun.has(service)) return;
    begun.add(service);
    for (const needed of Object.values(service.needs)) {
      const below = byId.get(contractId(needed));
      if (below !== undefined) visit(below);
    }
    ordered.add(service);
  };
  for (const service of services) visit(service);
  return [...ordered];
}
