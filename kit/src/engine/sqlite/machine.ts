import type { Clock } from "../../clock/mod.ts";
import type { Connect } from "../../drivers/sqlite/mod.ts";

/** What tells a process of this machine from every other one, also after its number was given away again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start of the process in clock ticks since the machine's start. Empty where the platform does not tell. */
  readonly started: string;
  /** Start of the machine. */
  readonly boot: string;
  /** The world in which the number counts: containers have their own. */
  readonly namespace: string;
}

/** What an engine has of the machine it runs on: its files, and the other processes that may have the same one open. */
export interface Machine {
  /** By which the engine looks after other processes, whatever its own clock says, because they do. */
  readonly clock: Clock;
  /** This process. */
  readonly identity: ProcessIdentity;
  /** Whether the process is certainly gone. False when in doubt. */
  isGone(other: ProcessIdentity): boolean;
  /** Whether the process lives in the same world as this one, so that it is known to live. */
  isNeighbour(other: ProcessIdentity): boolean;
  /** Calls `changed` when a file may have been written; often late, perhaps never. `undefined`: nothing can be watched. */
  watch(path: string, changed: () => void): Disposable | undefined;
  readonly connect: Connect;
}
