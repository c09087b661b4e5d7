import { contractId } from "../contract/mod.ts";
import type { FixedDirectory, ServiceEndpoint } from "../registry/mod.ts";
import type { AddressTable } from "../supervisor/mod.ts";
import type { System } from "./system-value.ts";

/** Services that share a process, by the name of the process. Who is in no group has one of its own. */
export function processesOf({ services, groups }: System): ReadonlyMap<string, readonly string[]> {
  const processes = new Map<string, readonly string[]>(Object.entries(groups));
  const grouped = new Set(Object.values(groups).flat());
  for (const { contract } of services) if (!grouped.has(contract.name)) processes.set(contract.name, [contract.name]);
  return processes;
}

/** Fills a directory with the addresses that a supervisor tells. */
export function fillDirectory(system: System, directory: FixedDirectory, { entries }: AddressTable): void {
  const processes = processesOf(system);
  const table: Record<string, ServiceEndpoint[]> = {};
  for (const { name, instance, address } of entries) {
    for (const service of processes.get(name) ?? []) {
      for (const { contract } of system.services.filter((offered) => offered.contract.name === service))
        (table[contractId(contract)] ??= []).push({ id: `${name}-${instance}`, address });
    }
  }
  directory.replace(table);
}
