import type { Machine, ProcessIdentity } from "./machine.ts";
import type { Work } from "./work.ts";

interface InstanceRow extends ProcessIdentity {
  readonly id: number;
}

// How long a container's entry is kept, of which no other one can tell whether it still runs.
const strangerKeptMs = 7 * 86_400_000;

/** Writes down that this process has the file open. Numbers are never given twice, so that a lease names one process for good. */
export function registerInstance(work: Work, own: ProcessIdentity): number {
  const id = work.heads.nextSeq();
  // Nobody of an earlier start of the machine is left. Forgetting one that lives costs it the early rescue only; its leases count.
  work.sql.forgetInstances.run(own.boot, own.namespace, work.nowMs - strangerKeptMs);
  writeInstance(work, id, own);
  return id;
}

/** Writes this opening down again under its number, should another process have taken it for gone. */
export function registerAgain(work: Work, own: ProcessIdentity): void {
  if (!allInstances(work).some((row) => row.id === work.instance)) writeInstance(work, work.instance, own);
}

function writeInstance(work: Work, id: number, { pid, started, boot, namespace }: ProcessIdentity): void {
  work.sql.addInstance.run(id, pid, started, boot, namespace, work.nowMs);
}

/** All openings of the file that are written down, whether their processes live or not. */
export function allInstances({ sql }: Pick<Work, "sql">): readonly InstanceRow[] {
  return sql.instances.all() as unknown as readonly InstanceRow[];
}

/** Ends the leases of processes that are certainly gone, so that the next claim rescues their messages. Answers how many were gone. */
export function endLeasesOfTheGone(work: Work, machine: Machine): number {
  const gone = allInstances(work).filter(({ id, ...process }) => id !== work.instance && machine.isGone(process));
  for (const { id } of gone) leave(work, id);
  return gone.length;
}

/** Ends the leases of one opening and forgets it. */
export function leave(work: Work, id: number): void {
  // The counts of the queues may still lie in memory only.
  work.messages.flush();
  work.heads.save();
  for (const { name } of work.sql.busyQueues.all() as unknown as readonly { name: string }[]) {
    const queue = work.heads.queue(name);
    if (Number(work.sql.endLeases.run(queue.id, id).changes) > 0) work.topics.addQueue(name);
  }
  work.sql.dropInstance.run(id);
}
