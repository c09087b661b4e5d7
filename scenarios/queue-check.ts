import { openQueue, type QueueDefinition, type StoredJob } from "ashlar/queue";
import { checkDurability, checkEffects, checkOrder, type Violation } from "ashlar/simulation/checkers";
import type { BedEngine } from "./bed.ts";
import { broken, refuse, soundEngine } from "./bed.ts";
import type { Input, JobHandling, QueueHistory } from "./queue-history.ts";

interface Done {
  readonly id: string;
  readonly n: number;
  readonly key?: string;
}

interface Queues {
  readonly jobs: QueueDefinition<Input, number>;
  readonly atMostOnce: QueueDefinition<Input, number>;
}

/** Everything that the README of ashlar/queue promises, over what was seen and what the engine holds at the end. */
export async function checkQueue(
  history: QueueHistory,
  engine: BedEngine,
  { jobs, atMostOnce }: Queues,
): Promise<void> {
  const { events } = await engine.read({ log: "done", after: 0, limit: 10_000 });
  const done = events.map(({ data }) => JSON.parse(data) as Done);
  const dead = await Array.fromAsync((await openQueue({ engine, queue: jobs })).dead.list());
  const handlings = history.handlings.filter(({ queue }) => queue === jobs.name);
  const oneShots = history.handlings.filter(({ queue }) => queue === atMostOnce.name);
  refuse([
    ...ownViolations(history),
    ...nothingLost(history, done, dead),
    ...sameIds(handlings),
    ...checkEffects(
      done.map(({ id }) => ({ key: id })),
      "at most once",
      done.map(({ id }) => id),
    ),
    ...chargedUnderOneKey(history),
    ...ranAtMostOnce(oneShots),
    ...doneInOrder(done, history),
    ...ranInOrder(handlings, history),
    ...deadForAReason(dead, history, jobs),
    ...attemptsCounted(handlings),
    ...answeredByHandlers(history, done),
    ...(await transactionsOnce(engine, done, history)),
    ...(await soundEngine(engine)),
  ]);
}

function ownViolations({ violations }: QueueHistory): readonly Violation[] {
  return broken("queue: bounds", "a worker holds more than it may", violations);
}

/** Every add that was acknowledged is done or dead, and what was added once is done once. */
function nothingLost(
  history: QueueHistory,
  done: readonly Done[],
  dead: readonly StoredJob<Input>[],
): readonly Violation[] {
  const isJob = (n: number): boolean => history.inputs[n]?.kind !== "at most once";
  const ended = [...done.map(({ n }) => n), ...dead.map(({ input }) => input.n)].filter((n) => n < 10_000);
  const acknowledged = new Set([...history.added.keys()].filter(isJob).map(String));
  const attempted = history.attempted.filter(isJob).map(String);
  return checkDurability({ attempted, acknowledged, found: ended.map(String) }, "nothing");
}

function sameIds(handlings: readonly JobHandling[]): readonly Violation[] {
  const byId = Map.groupBy(handlings, ({ id }) => id);
  const mixed = [...byId.values()].filter((all) => new Set(all.map(({ input }) => input.n)).size > 1);
  return broken("queue: ids", "an id stands for two jobs", mixed);
}

function chargedUnderOneKey({ charges }: QueueHistory): readonly Violation[] {
  const keys = Map.groupBy(charges, ({ id }) => id);
  const mixed = [...keys.values()].filter((all) => new Set(all.map(({ key }) => key)).size > 1);
  return broken("queue: idempotency keys", "one effect has two keys", mixed);
}

function ranAtMostOnce(oneShots: readonly JobHandling[]): readonly Violation[] {
  const ids = oneShots.map(({ id }) => ({ key: id }));
  return checkEffects(
    ids,
    "at most once",
    ids.map(({ key }) => key),
  );
}

/** Jobs of a key are done in the order in which they were added; those that were redriven went to the end. */
function doneInOrder(done: readonly Done[], { redriven }: QueueHistory): readonly Violation[] {
  const ofKeys = done.filter(({ id, key }) => key !== undefined && !redriven.has(id));
  const wrong = [...Map.groupBy(ofKeys, ({ key }) => key).values()].filter((all) =>
    all.some(({ id }, index) => Number(id) < Number(all[index - 1]?.id ?? 0)),
  );
  return broken("queue: order of a key", "jobs were done in another order than added", wrong);
}

/** They also run so, one at a time; except in the hands of a worker that had lost its lease, whether it knew or not. */
function ranInOrder(handlings: readonly JobHandling[], { redriven, deadFirst }: QueueHistory): readonly Violation[] {
  const crashed = new Set(deadFirst.filter(({ reason }) => reason === "crashed").map(({ id }) => id));
  const wasTaken = (one: JobHandling): boolean =>
    one.end === "lost" ||
    crashed.has(one.id) ||
    handlings.some(
      ({ id, crashes, startedAt }) => id === one.id && crashes > one.crashes && startedAt < (one.endedAt ?? 0),
    );
  const held = handlings.filter((one) => one.input.key !== undefined && !redriven.has(one.id) && !wasTaken(one));
  // Ids rise in the order of adding, which is not that of calling when a producer died in between.
  const added = [...new Map(held.map(({ id, input }) => [id, { id, key: input.key ?? "" }])).values()];
  added.sort((left, right) => Number(left.id) - Number(right.id));
  const renamed = held.map(({ id, input, startedAt, endedAt }) => ({ key: input.key ?? "", id, startedAt, endedAt }));
  return checkOrder(renamed, { added, atOnceMax: 1 });
}

/** Whoever is dead by crashes has crashed as often as it may, by attempts has failed as often, and no other reason is known here. */
function deadForAReason(
  dead: readonly StoredJob<Input>[],
  { deadFirst }: QueueHistory,
  { crashesMax, retry }: QueueDefinition<Input, number>,
): readonly Violation[] {
  const wrong = [...dead, ...deadFirst].filter(({ reason, crashes, failures, attempt }) => {
    if (reason === "crashed") return crashes < crashesMax;
    return reason !== "attempts" || attempt < retry.attemptsMax || failures.length < 1;
  });
  return broken(
    "queue: poison",
    "jobs are dead without a reason",
    wrong.map(({ id, reason, crashes, attempt }) => ({ id, reason, crashes, attempt })),
  );
}

/** An attempt counts when its handler threw, and only then. */
function attemptsCounted(handlings: readonly JobHandling[]): readonly Violation[] {
  const wrong = [...Map.groupBy(handlings, ({ id }) => id).values()].flatMap((all) =>
    all.filter((one) => {
      const threw = all.filter(({ end, startedAt }) => end === "threw" && startedAt < one.startedAt).length;
      return one.attempt > threw + 1;
    }),
  );
  return broken("queue: attempts", "an attempt was counted that did not throw", wrong);
}

function answeredByHandlers({ answers }: QueueHistory, done: readonly Done[]): readonly Violation[] {
  const known = new Set(done.map(({ n }) => n));
  return broken(
    "queue: ask",
    "an answer without a job that is done",
    answers.filter(({ n }) => !known.has(n)),
  );
}

/** What `job.tx` wrote is there exactly when its job is done. */
async function transactionsOnce(
  engine: BedEngine,
  done: readonly Done[],
  { inputs }: QueueHistory,
): Promise<readonly Violation[]> {
  if (engine.transaction === undefined) return [];
  const rows = await engine.transaction(({ sql }) => sql.all<{ n: number }>("select n from done"));
  const due = done.filter(({ n }) => inputs[n]?.kind === "transaction").map(({ n }) => String(n));
  return checkEffects(
    rows.map(({ n }) => ({ key: String(n) })),
    "exactly once",
    due,
  );
}
