import { ConfigError, textOf } from "../errors/mod.ts";
import type { FaultRule } from "./fault.ts";
import type { NetworkLaw } from "./network-law.ts";
import type { World } from "./world.ts";

/** The parts of a run, in virtual time. */
export interface Phases {
  /** Nothing is broken yet. Default 1 s. */
  readonly warmUpMs: number;
  /** Faults come and go. Default 60 s. */
  readonly chaosMs: number;
  /** After all is healed, everything that was begun is over within this time. Default 60 s. */
  readonly livenessMs: number;
}

/** What a run tells its scenario. */
export interface Course {
  readonly phases: Phases;
  /** Aborted when chaos is over and all is healed: load that goes on until then stops beginning anything new. */
  readonly healed: AbortSignal;
}

/** What a scenario has begun. */
export interface Workload {
  /** Resolves when everything that was begun is over. Called after healing; bounded by `livenessMs`. */
  finish(): Promise<void>;
  /** Looks at the result, in calm, after `finish`. Throws when a promise was broken. */
  check?(): void | Promise<void>;
}

/** Nodes, load, faults and rules under a name, to be run with any seed. */
export interface Scenario {
  /** Kebab-case. */
  readonly name: string;
  /** One line: what it shows. */
  readonly about: string;
  /** Builds the nodes, starts them, begins the load, states what must hold between events. */
  readonly open: (world: World, course: Course) => Promise<Workload>;
  readonly faults?: readonly FaultRule[] | undefined;
  readonly phases?: Partial<Phases> | undefined;
  readonly network?: Partial<NetworkLaw> | undefined;
  /** What at least one run of a fleet must have counted by `world.sometimes`, besides every kind of fault. */
  readonly sometimes?: readonly string[] | undefined;
  /** Seeds from which on a fleet fails when something of that never happened. Default 100. */
  readonly sometimesFrom?: number | undefined;
}

/** Checks a scenario; gives it back. Throws {@link ConfigError}. */
export function scenario(given: Scenario): Scenario {
  const name = textOf("name", given.name, { lengthMax: 63 });
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new ConfigError("name", name, "a kebab-case name");
  const kinds = (given.faults ?? []).map(({ kind }) => kind);
  const twice = kinds.find((kind, index) => kinds.indexOf(kind) < index);
  if (twice !== undefined) throw new ConfigError("faults", twice, "one rule for each kind of fault");
  return given;
}

export function phasesOf({ phases = {} }: Scenario, hours: number | undefined): Phases {
  const { warmUpMs = 1_000, chaosMs = 60_000, livenessMs = 60_000 } = phases;
  return { warmUpMs, chaosMs: hours === undefined ? chaosMs : hours * 3_600_000, livenessMs };
}
