import { readFileSync, readlinkSync } from "node:fs";

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

/** This process. Fields are empty where the platform has no /proc; then only leases tell that a process is gone. */
export function ownIdentity(): ProcessIdentity {
  const boot = attempted(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const namespace = attempted(() => readlinkSync("/proc/self/ns/pid"));
  return { pid: process.pid, started: startOf(process.pid) ?? "", boot, namespace };
}

/** Whether the process is certainly gone, as seen from `own`. False when in doubt. */
export function isGone(other: ProcessIdentity, own: ProcessIdentity): boolean {
  if (own.boot === "" || own.namespace === "" || other.started === "") return false;
  if (other.boot !== own.boot || other.namespace !== own.namespace) return false;
  return startOf(other.pid) !== other.started;
}

/** Whether the process lives in the same world as `own`, so that it is known to live. */
export function isNeighbour(other: ProcessIdentity, own: ProcessIdentity): boolean {
  return other.boot === own.boot && other.namespace === own.namespace && !isGone(other, own);
}

/** Start of a living process, `undefined` when there is none: proc(5), `stat`, field 22; field 3 is its state. */
function startOf(pid: number): string | undefined {
  const stat = attempted(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === "") return undefined;
  // The name in field 2 may hold spaces and brackets; the fields after it count from its last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const isDead = fields[0] === "Z" || fields[0] === "X";
  return isDead ? undefined : fields[19];
}

function attempted(read: () => string): string {
  try {
    return read();
  } catch {
    return ""; // no such process, or no such platform
  }
}
