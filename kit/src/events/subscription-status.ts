import type { ErrorRecord } from "../errors/mod.ts";
import type { Feed } from "./feed.ts";
import type { PartitionWorker } from "./partition-worker.ts";
import type { PartitionStatus } from "./subscription.ts";

interface PartitionView {
  readonly partition: number;
  readonly head: number;
  readonly worker: PartitionWorker | undefined;
  readonly failure: ErrorRecord | undefined;
  readonly startPosition: number;
  readonly isStopped: boolean;
}

/** What a partition is doing, also when another process holds it. */
export async function partitionStatus(feed: Feed, view: PartitionView): Promise<PartitionStatus> {
  const { partition, head, worker, failure } = view;
  const position = worker?.position ?? (await savedPosition(feed, view));
  return {
    partition,
    state: stateOf(view, position),
    position,
    lagEvents: Math.max(0, head - position),
    lagMs: position >= head ? 0 : await ageOfNext(feed, partition, position),
    failure,
  };
}

function stateOf({ worker, failure, isStopped, head }: PartitionView, position: number): PartitionStatus["state"] {
  if (isStopped) return "stopped";
  if (failure !== undefined && position < head) return "failed";
  if (worker === undefined) return "elsewhere";
  return position >= head ? "live" : worker.state;
}

async function savedPosition(feed: Feed, { partition, startPosition }: PartitionView): Promise<number> {
  const [cell] = await feed.context.engine.get([feed.cells.checkpoint(partition)]);
  return cell === undefined ? startPosition : Number(cell.value);
}

async function ageOfNext(feed: Feed, partition: number, position: number): Promise<number> {
  const { engine, log } = feed.context;
  const { events } = await engine.read({
    log,
    after: position,
    limit: 1,
    types: feed.types?.names,
    streamPrefix: feed.streamPrefix,
    partition: feed.partitions === 1 ? undefined : { index: partition, count: feed.partitions },
  });
  const [next] = events;
  return next === undefined ? 0 : Math.max(0, engine.clock.now() - next.recordedAtMs);
}
