import type { Targets } from "../contract/mod.ts";
import type { EngineProvision, EngineToken } from "./engine-token.ts";
import type { Implementation } from "./implement.ts";

/** What exists: a value. Where it runs is said by who runs it. Made by `system`. */
export interface System {
  readonly kind: "system";
  readonly name: string;
  readonly services: readonly Implementation[];
  readonly engines: readonly EngineProvision[];
  /** Services that share a process when the system is spread, by the name of the group. Who is in none has a process of its own. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Keeps the registry when replicas find each other by it. */
  readonly registry: EngineToken | undefined;
  readonly targets: Readonly<Record<string, Targets>>;
}
