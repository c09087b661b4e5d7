import { readFileSync, readlinkSync } from "node:fs";
import type { ProcessIdentity } from "./machine.ts";

/** This process. Fields are empty where the platform has no /proc; then only leases tell that a process is gone. */
export function ownIdentity(): ProcessIdentity {
  const boot = attempted(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const namespace = attempted(() => readlinkSync("/proc/self/ns/pid"));
  const stat = statOf(process.pid);
  return { pid: process.pid, started: typeof stat === "string" ? "" : stat.started, boot, namespace };
}

/** Whether the process is certainly gone, as seen from `own`. False when in doubt. */
export function isGone(other: ProcessIdentity, own: ProcessIdentity): boolean {
  if (own.boot === "" || own.namespace === "" || other.started === "") return false;
  if (other.boot !== own.boot || other.namespace !== own.namespace) return false;
  const stat = statOf(other.pid);
  if (stat === "absent") return isUnknownNumber(other.pid);
  return stat !== "hidden" && (stat.isDead || stat.started !== other.started);
}

/** Whether the process lives in the same world as `own`, so that it is known to live. */
export function isNeighbour(other: ProcessIdentity, own: ProcessIdentity): boolean {
  return other.boot === own.boot && other.namespace === own.namespace && !isGone(other, own);
}

interface Stat {
  readonly started: string;
  readonly isDead: boolean;
}

/** Start and state of a process: proc(5), `stat`, field 22 and field 3. `absent`: there is no such entry, which a mount that hides the
 *  processes of others says as well. `hidden`: not to be read now (too many open files, no permission). */
function statOf(pid: number): Stat | "absent" | "hidden" {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const code = codeOf(error);
    return code === "ENOENT" || code === "ESRCH" ? "absent" : "hidden";
  }
  // The name in field 2 may hold spaces and brackets; the fields after it count from its last bracket.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "", started = ""] = [fields[0], fields[19]];
  return started === "" ? "hidden" : { started, isDead: state === "Z" || state === "X" };
}

/** Asks the system itself: signal 0 reaches nobody and fails with EPERM for a living process of another user. */
function isUnknownNumber(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, "code") : undefined;
}

function attempted(read: () => string): string {
  try {
    return read();
  } catch {
    return ""; // no such platform
  }
}
