import type { AnyContract, Targets } from "../contract/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import { systemFaults } from "./check-system.ts";
import type { EngineProvision, EngineToken } from "./engine-token.ts";
import type { Implementation } from "./implement.ts";
import { SystemError } from "./errors.ts";
import type { System } from "./system-value.ts";

export type { System };

/** Options of {@link system}. */
export interface SystemOptions {
  readonly services: readonly Implementation[];
  readonly engines?: readonly EngineProvision[];
  /** `{ core: ["orders", "inventory"] }` */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** The engine in which replicas announce themselves, shared by all of them. Needed to run with `only`. */
  readonly registry?: EngineToken;
  /** Targets by operation, `orders.place`: they tighten those of the contract. */
  readonly targets?: Readonly<Record<string, Targets>>;
}

const namePattern = /^[a-z][a-z0-9-]{0,62}$/;

/**
 * Puts a system together and checks it as one graph: every need met, every contract implemented once a version, HTTP routes unique,
 * engines provided and without cycles, groups and targets naming what exists. Throws {@link SystemError} with all faults
 * at once, each with the file that declared it. Opens nothing.
 */
export function system(name: string, options: SystemOptions): System {
  if (!namePattern.test(name)) throw new ConfigError("name", name, "a kebab-case name of 1 to 63 characters");
  const { services, engines = [], groups = {}, targets = {}, registry } = options;
  const value: System = Object.freeze({ kind: "system", name, services, engines, groups, targets, registry });
  const faults = systemFaults(value);
  if (faults.length > 0) throw new SystemError(name, faults);
  return value;
}

/** The implementation of a contract in a system. Throws {@link ConfigError} when there is none. */
export function implementationOf({ services, name }: System, contract: AnyContract): Implementation {
  const found = services.find(
    ({ contract: offered }) => offered.name === contract.name && offered.version === contract.version,
  );
  if (found === undefined) throw new ConfigError("contract", contract.name, `a contract that ${name} implements`);
  return found;
}
