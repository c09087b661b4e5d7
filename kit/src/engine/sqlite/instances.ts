import type { BellTopic } from "../engine.ts";
import { isGone, type ProcessIdentity } from "./process-identity-system.ts";
import type { Work } from "./work.ts";

interface InstanceRow extends ProcessIdentity {
  readonly id: number;
}

// How long a container's entry is kept, of which no other one can tell whether it still runs.
const strangerKeptMs = 7 * 86_400_000;

/** Writes down that this process has the file open. Numbers are never given twice, so that a lease names one process for good. */
export function registerInstance(work: Work, own: ProcessIdentity): number {
  const id = work.heads.nextSeq();
  const { pid, started, boot, namespace } = own;
  // Nobody of an earlier start of the machine is left. Forgetting one that lives costs it the early rescue only; its leases count.
  work.sql.forgetInstances.run(boot, namespace, work.nowMs - strangerKeptMs);
  work.sql.addInstance.run(id, pid, started, boot, namespace, work.nowMs);
  return id;
}

/** Other openings of the file that are written down, whether their processes live or not. */
export function otherInstances(work: Pick<Work, "sql" | "instance">): readonly InstanceRow[] {
  const rows = work.sql.instances.all() as unknown as readonly InstanceRow[];
  return rows.filter((row) => row.id !== work.instance);
}

/** Ends the leases of processes that are certainly gone, so that the next claim rescues their messages. Answers how many were gone. */
export function endLeasesOfTheGone(work: Work, own: ProcessIdentity): number {
  const gone = otherInstances(work).filter((instance) => isGone(instance, own));
  for (const instance of gone) {
    for (const { name } of work.sql.busyQueues.all() as unknown as readonly { name: string }[]) {
      const queue = work.heads.queue(name);
      const topic: BellTopic = `queue:${name}`;
      if (Number(work.sql.endLeases.run(queue.id, instance.id).changes) > 0) work.topics.add(topic);
    }
    work.sql.dropInstance.run(instance.id);
  }
  return gone.length;
}
