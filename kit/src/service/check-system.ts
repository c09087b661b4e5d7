import { contractId, type HttpRoute } from "../contract/mod.ts";
import type { EngineProvision } from "./engine-token.ts";
import type { SystemFault } from "./errors.ts";
import type { Implementation } from "./implement.ts";
import type { System } from "./system-value.ts";

/** All that is wrong with a system. Pure. */
export function systemFaults(system: System): readonly SystemFault[] {
  return [
    ...twiceImplemented(system.services),
    ...unmetNeeds(system.services),
    ...clashingRoutes(system.services),
    ...engineFaults(system),
    ...groupFaults(system),
    ...targetFaults(system),
  ];
}

function twiceImplemented(services: readonly Implementation[]): SystemFault[] {
  const first = new Map<string, Implementation>();
  const faults: SystemFault[] = [];
  for (const service of services) {
    const id = contractId(service.contract);
    const earlier = first.get(id);
    if (earlier === undefined) first.set(id, service);
    else faults.push(fault(service, `${id} is implemented twice, first at ${earlier.declaredAt}`));
  }
  return faults;
}

function unmetNeeds(services: readonly Implementation[]): SystemFault[] {
  const offered = new Set(services.map(({ contract }) => contractId(contract)));
  return services.flatMap((service) =>
    Object.entries(service.needs)
      .filter(([, contract]) => !offered.has(contractId(contract)))
      .map(([need, contract]) =>
        fault(service, `${contractId(service.contract)} needs ${need}, but nobody implements ${contractId(contract)}`),
      ),
  );
}

function clashingRoutes(services: readonly Implementation[]): SystemFault[] {
  const first = new Map<string, string>();
  const faults: SystemFault[] = [];
  for (const service of services) {
    for (const [name, http] of routesOf(service)) {
      const operation = `${contractId(service.contract)}.${name}`;
      // Fields match the same paths whatever their names.
      const route = `${http.method} ${http.path.replaceAll(/\{[^}]*\}/g, "{}")}`;
      const earlier = first.get(route);
      if (earlier === undefined) first.set(route, operation);
      else faults.push(fault(service, `${operation} and ${earlier} both answer ${http.method} ${http.path}`));
    }
  }
  return faults;
}

function routesOf({ contract }: Implementation): [string, HttpRoute][] {
  return [...Object.entries(contract.calls), ...Object.entries(contract.streams)].flatMap(([name, { http }]) =>
    http === undefined ? [] : [[name, http] as [string, HttpRoute]],
  );
}

function engineFaults({ services, engines, registry }: System): SystemFault[] {
  const byName = new Map<string, EngineProvision>();
  const faults: SystemFault[] = [];
  for (const provision of engines) {
    const { name } = provision.token;
    if (byName.has(name)) faults.push({ message: `the engine ${name} is provided twice`, declaredAt: "" });
    byName.set(name, provision);
  }
  if (registry !== undefined && !byName.has(registry.name))
    faults.push({ message: `the registry needs the engine ${registry.name}, which nobody provides`, declaredAt: "" });
  for (const service of services) faults.push(...serviceEngineFaults(service, byName));
  for (const { token, needs } of engines) {
    for (const need of needs.filter((needed) => !byName.has(needed.name)))
      faults.push({ message: `the engine ${token.name} needs ${need.name}, which nobody provides`, declaredAt: "" });
  }
  for (const name of byName.keys()) {
    const circle = circleFrom(name, byName);
    if (circle !== undefined)
      faults.push({ message: `engines in a circle: ${circle.join(" needs ")}`, declaredAt: "" });
  }
  return faults;
}

function serviceEngineFaults(service: Implementation, byName: ReadonlyMap<string, unknown>): SystemFault[] {
  const { contract, engine, on } = service;
  const id = contractId(contract);
  if (engine !== undefined && !byName.has(engine.name))
    return [fault(service, `${id} needs the engine ${engine.name}, which nobody provides`)];
  if (engine !== undefined) return [];
  const keyed = Object.entries(contract.calls).filter(([, { semantics }]) => semantics === "keyed");
  const reasons = [
    ...keyed.map(([name]) => `the keyed call ${name}`),
    ...Object.keys(contract.events).map((name) => `the event ${name}`),
    ...Object.keys(contract.queues).map((name) => `the queue ${name}`),
    ...Object.entries(on).flatMap(([need, events]) =>
      Object.keys(events).map((name) => `the subscription ${need}.${name}`),
    ),
  ];
  return reasons.length === 0 ? [] : [fault(service, `${id} names no engine, but has to keep ${reasons.join(", ")}`)];
}

/** The names of a circle through `start`, with `start` at both ends, named from its smallest member only. */
function circleFrom(start: string, byName: ReadonlyMap<string, EngineProvision>): string[] | undefined {
  const visited = new Set<string>();
  const walk = (name: string, path: readonly string[]): string[] | undefined => {
    for (const { name: next } of byName.get(name)?.needs ?? []) {
      if (next === start) return path.every((member) => start <= member) ? [...path, start] : undefined;
      if (visited.has(next)) continue;
      visited.add(next);
      const found = walk(next, [...path, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(start, [start]);
}

function groupFaults({ services, groups }: System): SystemFault[] {
  const names = new Set(services.map(({ contract }) => contract.name));
  const home = new Map<string, string>();
  const faults: SystemFault[] = [];
  for (const [group, members] of Object.entries(groups)) {
    for (const member of members) {
      const other = home.get(member);
      if (!names.has(member))
        faults.push({ message: `the group ${group} names ${member}, which is no service`, declaredAt: "" });
      else if (other !== undefined)
        faults.push({ message: `${member} is in two groups, ${other} and ${group}`, declaredAt: "" });
      home.set(member, group);
    }
  }
  return faults;
}

function targetFaults({ services, targets }: System): SystemFault[] {
  const operations = new Set(
    services.flatMap(({ contract }) =>
      [...Object.keys(contract.calls), ...Object.keys(contract.streams)].map((name) => `${contract.name}.${name}`),
    ),
  );
  return Object.keys(targets)
    .filter((operation) => !operations.has(operation))
    .map((operation) => ({ message: `a target names ${operation}, which no service offers`, declaredAt: "" }));
}

function fault({ declaredAt }: Implementation, message: string): SystemFault {
  return { message, declaredAt };
}
