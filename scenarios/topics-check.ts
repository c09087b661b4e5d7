import { openQueue, queue } from "ashlar/queue";
import type { World } from "ashlar/simulation";
import { checkEffects, type Violation } from "ashlar/simulation/checkers";
import { type BedEngine, broken, refuse, soundEngine } from "./bed.ts";
import type { Handled, News, Tick, TopicsHistory } from "./topics-history.ts";

/** What the READMEs of ashlar/queue and ashlar/schedule promise of topics and schedules. */
export async function checkTopics(history: TopicsHistory, engine: BedEngine, world: World): Promise<void> {
  const { events } = await engine.read({ log: "read", after: 0, limit: 10_000 });
  const handled = events.map(({ data }) => JSON.parse(data) as Handled);
  const ticks = await firedTicks(engine);
  refuse([
    ...broken("topics: operator", "subscriptions and pauses", history.violations),
    ...copiesOnce(handled),
    ...copiesWhereDue(history, handled),
    ...copiesInOrder(history, handled),
    ...(await restDiscarded(engine)),
    ...checkEffects(
      ticks.map(({ schedule, atMs }) => ({ key: `${schedule} ${atMs}` })),
      "at most once",
      ticks.map(({ schedule, atMs }) => `${schedule} ${atMs}`),
    ),
    ...noneSkipped(ticks, world),
    ...onTheTimetable(ticks),
    ...(await soundEngine(engine)),
  ]);
}

function nameOf({ author, n }: News): string {
  return `${author} ${n}`;
}

function copiesOnce(handled: readonly Handled[]): readonly Violation[] {
  const keys = handled.map(({ subscription, news }) => `${subscription} ${nameOf(news)}`);
  return checkEffects(
    keys.map((key) => ({ key })),
    "at most once",
    keys,
  );
}

/**
 * What was published while a subscription stood was read there; what was refused for good nowhere; what nobody knows of, by all that
 * stood or by none.
 */
function copiesWhereDue({ publications, standing }: TopicsHistory, handled: readonly Handled[]): readonly Violation[] {
  const read = new Map(
    [...Map.groupBy(handled, ({ news }) => nameOf(news))].map(([name, all]) => [
      name,
      new Set(all.map(({ subscription }) => subscription)),
    ]),
  );
  const wrong = publications.flatMap((one) => {
    const by = read.get(nameOf(one)) ?? new Set();
    const stood = [...standing]
      .filter(([, { from, to }]) => from < one.calledAt && to === Infinity)
      .map(([name]) => name);
    const reading = stood.filter((name) => by.has(name));
    const isRight =
      one.end === "published"
        ? reading.length === stood.length
        : one.end === "refused"
          ? by.size === 0
          : reading.length === 0 || reading.length === stood.length;
    return isRight ? [] : [{ one, stood, by: [...by] }];
  });
  return broken("topics: copies", "a message is not where it is due, or is where it is not", wrong);
}

/** A message that was acknowledged before another of its author was called comes before it, in every subscription. */
function copiesInOrder({ publications }: TopicsHistory, handled: readonly Handled[]): readonly Violation[] {
  const calls = new Map(publications.map((one) => [nameOf(one), one]));
  const groups = Map.groupBy(handled, ({ subscription, news }) => `${subscription} ${news.author}`);
  const wrong = [...groups.values()].flatMap((all) =>
    all.filter(({ news }, index) => {
      const own = calls.get(nameOf(news));
      return all
        .slice(0, index)
        .some((before) => (own?.endedAt ?? Infinity) < (calls.get(nameOf(before.news))?.calledAt ?? 0));
    }),
  );
  return broken("topics: order", "a subscription read messages of a key in another order than published", wrong);
}

/** The subscription that has left holds nothing any more. */
async function restDiscarded(engine: BedEngine): Promise<readonly Violation[]> {
  const left = await Array.fromAsync(engine.scan({ kind: "messages", queue: "topic:news:leaver", limit: 100 }));
  return broken("topics: unsubscribe", "copies are left in a subscription that has ended", left);
}

/** Handled, and still in the queue. */
async function firedTicks(engine: BedEngine): Promise<readonly Tick[]> {
  const { events } = await engine.read({ log: "ticks", after: 0, limit: 10_000 });
  const waiting = await Array.fromAsync((await openQueue({ engine, queue: queue<Tick>("ticks") })).jobs());
  // A job may be done between the two looks.
  const done = events.map(({ data }) => JSON.parse(data) as Tick);
  return [...done, ...waiting.map(({ input }) => input)];
}

/** The schedule that catches all up has fired every time from its first to its last. */
function noneSkipped(ticks: readonly Tick[], world: World): readonly Violation[] {
  const times = ticks
    .filter(({ schedule }) => schedule === "all")
    .map(({ atMs }) => atMs)
    .toSorted((left, right) => left - right);
  const wrong = times.filter((atMs, index) => index > 0 && atMs - (times[index - 1] ?? 0) !== 300);
  // A clock that was put back lets the schedule wait.
  const isEnough = times.length >= 10 || world.counters.all["fault: clock jump"] !== undefined;
  if (isEnough) world.sometimes("a schedule caught up");
  return [
    ...broken("schedule: all", "a time was left out", wrong),
    ...(isEnough ? [] : broken("schedule: all", "hardly anything fired", [times])),
  ];
}

function onTheTimetable(ticks: readonly Tick[]): readonly Violation[] {
  const first = ticks.find(({ schedule }) => schedule === "latest")?.atMs ?? 0;
  const wrong = ticks.filter(({ schedule, atMs }) =>
    schedule === "cron" ? atMs % 1_000 !== 0 : schedule === "latest" && (atMs - first) % 500 !== 0,
  );
  return broken("schedule: times", "something fired that is no time of its timetable", wrong);
}
