import type { World } from "ashlar/simulation";
import { checkDurability, checkEffects, checkOrder, type Violation } from "ashlar/simulation/checkers";
import { type BedEngine, broken, refuse, soundEngine } from "./bed.ts";
import { batched, batchSize, single } from "./queue-flow-queues.ts";
import { type FlowHistory, isUnreadable, type ParcelHandling } from "./queue-flow-history.ts";

interface Done {
  readonly id: string;
  readonly n: number;
  readonly call: string;
}

/** What the README of ashlar/queue promises of batches, lanes, pauses, cancellation, time budgets, answers and dead letters. */
export async function checkFlow(history: FlowHistory, engine: BedEngine, world: World): Promise<void> {
  const { events } = await engine.read({ log: "done", after: 0, limit: 10_000 });
  const done = events.map(({ data }) => JSON.parse(data) as Done);
  refuse([
    ...broken("queue: dead letters", "redrive and purge", history.violations),
    ...addedWhole(history, done),
    ...checkEffects(
      done.map(({ id, n }) => ({ key: `${n < 1_000 ? "" : "asked "}${id} ${n}` })),
      "at most once",
      done.map(({ id, n }) => `${n < 1_000 ? "" : "asked "}${id} ${n}`),
    ),
    ...batchesInBounds(history),
    ...keysInBounds(history),
    ...attemptsCounted(history),
    ...lanesInOrder(history, world),
    ...pausesHold(history, world),
    ...cancelledNeverRuns(history, done),
    ...nothingLate(history, done),
    ...repliesAreTrue(history, done),
    ...unreadableKept(history),
    ...(history.deadAfterPurge === 0 ? [] : broken("queue: purge", "dead jobs are left", [history.deadAfterPurge])),
    ...(await soundEngine(engine)),
  ]);
}

/** A call adds all of its jobs or none: none when it was refused, all when it was answered. */
function addedWhole({ calls, cancelling }: FlowHistory, done: readonly Done[]): readonly Violation[] {
  const found = new Set(done.map(({ n, call }) => `${n} ${call}`));
  const name = (n: number, call: string): string => `${n} ${call}`;
  const refused = calls.filter(({ end }) => end === "refused").flatMap(({ parcels }) => parcels);
  const halves = calls.filter(({ parcels, end }) => {
    const count = parcels.filter(({ n, call }) => found.has(name(n, call))).length;
    return end === undefined && count > 0 && count < parcels.length && cancelling.size === 0;
  });
  const added = calls.flatMap(({ parcels, ids }) => parcels.map((parcel, index) => ({ parcel, id: ids[index] ?? "" })));
  const acknowledged = added
    .filter(({ id, parcel }) => id !== "" && !cancelling.has(`${parcel.call.split(" ")[0]} ${id}`))
    .map(({ parcel: { n, call } }) => name(n, call));
  const attempted = calls.flatMap(({ parcels }) => parcels.map(({ n, call }) => name(n, call)));
  const own = done.filter(({ n }) => n < 1_000).map(({ n, call }) => name(n, call));
  return [
    ...checkDurability({ attempted, acknowledged: new Set(acknowledged), found: own }, "nothing"),
    ...broken(
      "queue: add",
      "a call was refused, and yet its jobs ran",
      refused.filter(({ n, call }) => found.has(name(n, call))),
    ),
    ...broken("queue: addMany", "a call has added a part of its jobs", halves),
  ];
}

/** At most `size` jobs, and who took a worker down before is alone. */
function batchesInBounds({ batches }: FlowHistory): readonly Violation[] {
  const wrong = batches.filter(
    ({ ids, crashes, size }) =>
      size !== batchSize || ids.length > size || (ids.length > 1 && crashes.some((count) => count > 0)),
  );
  return broken("queue: batches", "a batch is too large, or a suspect is not alone in it", wrong);
}

/** No more than `keyConcurrency` of a key at once, save those that had lost their lease. */
function keysInBounds(history: FlowHistory): readonly Violation[] {
  return [batched, single].flatMap(({ name, keyConcurrency }) => {
    const held = history.handlings.filter(
      (one) => one.queue === name && one.parcel.key !== undefined && !wasTaken(one, history),
    );
    const added = held.map(({ id, parcel }) => ({ id, key: parcel.key ?? "" }));
    const renamed = held.map(({ id, parcel, startedAt, endedAt }) => ({
      key: parcel.key ?? "",
      id,
      startedAt,
      endedAt,
    }));
    return checkOrder(renamed, { added, atOnceMax: keyConcurrency }).filter(({ rule }) => rule === "order: crowd");
  });
}

/** Its lease ran out while it ran: the job went to another, or to the dead letters because its crashes were too many by then. */
function wasTaken(one: ParcelHandling, { handlings, deadBeforeRedrive }: FlowHistory): boolean {
  return (
    one.end === "lost" ||
    one.end === "late" ||
    one.endedAt === undefined ||
    handlings.some(
      ({ id, queue, startedAt, crashes }) =>
        id === one.id && queue === one.queue && crashes > one.crashes && startedAt < (one.endedAt ?? 0),
    ) ||
    deadBeforeRedrive.some(
      // The attempt that a job died in without failing is not counted.
      ({ id, body, reason, crashes, attempt }) =>
        reason === "crashed" &&
        id === one.id &&
        body === JSON.stringify(one.parcel) &&
        crashes === one.crashes + 1 &&
        attempt === one.attempt - 1,
    )
  );
}

/** What one job of a batch does is not held against the others: an attempt counts when its own handling failed, and only then. */
function attemptsCounted({ handlings }: FlowHistory): readonly Violation[] {
  const ofJobs = Map.groupBy(handlings, ({ queue, id, parcel }) => `${queue} ${id} ${parcel.n}`);
  const wrong = [...ofJobs.values()].flatMap((all) =>
    all.filter((one) => {
      const before = all.filter(({ startedAt }) => startedAt < one.startedAt);
      const failed = before.filter(
        ({ end, parcel }) => end !== "returned" && (end !== undefined || parcel.kind === "slow"),
      );
      return one.attempt > failed.length + 1;
    }),
  );
  return broken("queue: attempts", "an attempt was counted that did not fail", wrong);
}

/** Of two jobs that one process claimed for the first time, the one that was there before the other was added, in no higher lane, came first. */
function lanesInOrder({ calls, claimed }: FlowHistory, world: World): readonly Violation[] {
  const jobs = new Map<string, { readonly lane: number; readonly askedAt: number; readonly answeredAt: number }>();
  for (const { parcels, ids, askedAt, answeredAt = Infinity } of calls)
    for (const [index, { key, delayMs, lane, call }] of parcels.entries())
      if (key === undefined && delayMs === undefined && ids[index] !== undefined)
        jobs.set(`${call.split(" ")[0]} ${ids[index]}`, { lane, askedAt, answeredAt });
  const firsts = claimed.filter(
    ({ claim: { attempt, crashes, failures } }) => attempt === 1 && crashes === 0 && failures.length === 0,
  );
  const nameOf = ({ claim: { receipt } }: (typeof firsts)[number]): string => `${receipt.queue} ${receipt.id}`;
  const wrong = [...Map.groupBy(firsts, ({ by, claim }) => `${by} ${claim.receipt.queue}`).values()].flatMap((all) =>
    all.flatMap((later, index) => {
      const before = jobs.get(nameOf(later));
      return all.slice(0, index).flatMap((earlier) => {
        const after = jobs.get(nameOf(earlier));
        if (before === undefined || after === undefined || earlier === later) return [];
        if (after.askedAt < before.askedAt && before.lane > after.lane) return [];
        if (after.askedAt > before.answeredAt && after.lane < before.lane) world.sometimes("overtaken by a lower lane");
        const wasThere = before.answeredAt < after.askedAt && before.lane <= after.lane;
        // Somebody else may have had it and given it back.
        const wasAlone = claimed.filter((other) => nameOf(other) === nameOf(later)).length === 1;
        return wasThere && wasAlone ? [[earlier, later]] : [];
      });
    }),
  );
  return broken("queue: lanes", "a job was claimed before one that was there before it and comes first", wrong);
}

/** A claim that was asked for after the pause, and answered before anybody resumed, is empty. */
function pausesHold({ pauses, claims, claimed }: FlowHistory, world: World): readonly Violation[] {
  const within = pauses.flatMap(({ queue, from, to }) =>
    claims.filter((claim) => claim.queue === queue && claim.askedAt > from && claim.answeredAt < to),
  );
  if (within.length > 0) world.sometimes("a claim in a pause");
  const wrong = within.filter(({ count }) => count > 0);
  return broken(
    "queue: pause",
    "a job was claimed while the queue was paused",
    wrong.map((claim) => [claim, claimed.filter(({ at }) => at === claim.answeredAt)]),
  );
}

/** What was cancelled, on the word of the queue, begins no handling afterwards and is never done. */
function cancelledNeverRuns(history: FlowHistory, done: readonly Done[]): readonly Violation[] {
  const wrong = history.cancelled.filter(({ id, queue, at }) => {
    const ran =
      history.isTimeSound &&
      history.handlings.some((one) => one.queue === queue && one.id === id && one.startedAt > at);
    return ran || done.some((one) => one.id === id && one.call.startsWith(queue));
  });
  return broken("queue: cancel", "a job ran although it was cancelled", wrong);
}

/** What a handler did after its time budget was not recorded. */
function nothingLate({ handlings }: FlowHistory, done: readonly Done[]): readonly Violation[] {
  const slow = handlings.filter(({ queue, parcel }) => queue === single.name && parcel.kind === "slow");
  const wrong = [...Map.groupBy(slow, ({ id }) => id)].filter(([id, all]) => {
    const isDone = done.some((one) => one.id === id && one.call.startsWith(single.name));
    return isDone && all.every(({ end }) => end !== "returned");
  });
  return broken("queue: time budget", "what came too late was recorded", wrong);
}

/** Answers are those of the handlers, and who was refused asked for a job that died. */
function repliesAreTrue(history: FlowHistory, done: readonly Done[]): readonly Violation[] {
  const finished = new Set(done.map(({ n }) => n));
  const dead = new Set(history.deadBeforeRedrive.filter((job) => !isUnreadable(job)).map(({ input }) => input.n));
  return [
    ...broken(
      "queue: ask",
      "an answer is not that of the handler",
      history.answers.filter(({ n, answer }) => answer !== n * 2 || !finished.has(n)),
    ),
    ...broken(
      "queue: ask",
      "a job was called failed that is not dead",
      history.replyErrors.filter(({ n }) => !dead.has(n)),
    ),
  ];
}

/** Each job that cannot be read is a dead letter whose text is still there: for that reason once somebody has read it, which
 *  workers that died first had not. */
function unreadableKept({ malformed, deadBeforePurge }: FlowHistory): readonly Violation[] {
  const kept = new Set(deadBeforePurge.filter(({ reason }) => reason === "input").map(({ body }) => body));
  return broken(
    "queue: unreadable",
    "a job that cannot be read is gone",
    malformed.filter((body) => !kept.has(body)),
  );
}
