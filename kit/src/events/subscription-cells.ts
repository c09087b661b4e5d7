import type { CellKey } from "../engine/mod.ts";

/** Where one subscription keeps what it must remember. All of it is cells, so it can share a commit with anything. */
export interface SubscriptionCells {
  /** Number of partitions and start position, fixed by the first process that opens the subscription. */
  readonly definition: CellKey;
  readonly checkpoints: string;
  readonly leases: string;
  readonly members: string;
  readonly parked: string;
  checkpoint(partition: number): CellKey;
  lease(partition: number): CellKey;
  member(owner: string): CellKey;
  parkedStream(partition: number, stream: string): CellKey;
  parkedPrefix(partition: number): string;
}

export function subscriptionCells(log: string, name: string): SubscriptionCells {
  const owner = `${log}/${name}`;
  const checkpoints = `checkpoint/${owner}`;
  const leases = `subscription-lease/${owner}`;
  const members = `subscription-member/${owner}`;
  const parked = `parked/${owner}`;
  return {
    definition: { space: `subscription/${log}`, key: name },
    checkpoints,
    leases,
    members,
    parked,
    checkpoint: (partition) => ({ space: checkpoints, key: String(partition) }),
    lease: (partition) => ({ space: leases, key: String(partition) }),
    member: (id) => ({ space: members, key: id }),
    parkedStream: (partition, stream) => ({ space: parked, key: `${partition} ${stream}` }),
    parkedPrefix: (partition) => `${partition} `,
  };
}
