import { RefusedError } from "ashlar/engine";
import { openQueue, openTopic, openWorker, queue, type Queue, QueueFullError, retryPlan, topic } from "ashlar/queue";
import { type Firing, openSchedule, type Schedule } from "ashlar/schedule";
import { type NodeHost, scenario, type Scenario, type World } from "ashlar/simulation";
import { type Bed, type BedEngine, bedFaults, type BedKind, openBed } from "./bed.ts";
import { checkTopics } from "./topics-check.ts";
import { type News, type Tick, TopicsHistory } from "./topics-history.ts";

const workers = ["worker-a", "worker-b"];
const authors = ["author-a", "author-b"];
const nodes = [...workers, ...authors, "operator"];
const newsCount = 12;

const newspaper = topic<News>("news", { key: ({ author }) => author });
const rules = { retry: retryPlan({ attemptsMax: 50, firstMs: 20, capMs: 300 }), leaseMs: 1_000, crashesMax: 100 };
/** Who reads: two from the start on, one that comes later, one that goes, and one that is slow and soon full. */
const readers = { mail: rules, audit: { ...rules, lane: 2 }, slow: { ...rules, depthMax: 6 } } as const;
const ticks = queue<Tick>("ticks", { ...rules, depthMax: 5 });

/** Every promise of topics and of ashlar/schedule, on one of the engines. */
export function topicsProof(kind: BedKind): Scenario {
  return scenario({
    name: kind === "memory" ? "topics" : `topics-${kind}`,
    about: "each subscription gets each message once and in order, all or none; each time of a schedule fires once",
    phases: { warmUpMs: 100, chaosMs: 5_000, livenessMs: 240_000 },
    faults: bedFaults(kind, nodes, 10),
    sometimes: [
      "news was published",
      "news was refused",
      "a subscription was full",
      "came later",
      "left",
      "a schedule met a full queue",
      "a schedule caught up",
      "a schedule was paused",
      "a news copy was handled again",
    ],
    async open(world, { healed }) {
      const stage: Stage = { world, bed: await openBed(world, kind), history: new TopicsHistory(world), healed };
      for (const name of workers) void world.node(name, { start: (host) => startWorkers(stage, host) }).start();
      const over = [startOperator(stage), ...authors.map((name) => startAuthor(stage, name))];
      return {
        finish: async () => {
          await Promise.all(over);
          await drained(stage);
        },
        check: async () => checkTopics(stage.history, await stage.bed.look(), world),
      };
    },
  });
}

interface Stage {
  readonly world: World;
  readonly bed: Bed;
  readonly history: TopicsHistory;
  readonly healed: AbortSignal;
}

async function startWorkers(stage: Stage, host: NodeHost): Promise<AsyncDisposable> {
  const engine = await stage.bed.open(host);
  const parts = new AsyncDisposableStack();
  parts.use(engine);
  const random = host.random.stream("queues");
  const opened = await openTopic({ engine, topic: newspaper, random });
  for (const [name, options] of Object.entries(readers)) {
    const subscribed = await opened.subscribe(name, options);
    stage.history.stands(name);
    parts.use(await worksOn(stage, host, { subscription: name, subscribed }));
  }
  for (const subscription of ["late", "leaver"]) {
    const subscribed = await openQueue({ engine, queue: queue<News>(`topic:news:${subscription}`, rules), random });
    parts.use(await worksOn(stage, host, { subscription, subscribed }));
  }
  parts.use(await worksOnTicks(host, engine));
  parts.use(await openTicking(stage, engine));
  return parts;
}

interface Reading {
  readonly subscription: string;
  readonly subscribed: Queue<News>;
}

async function worksOn(
  { world }: Stage,
  host: NodeHost,
  { subscription, subscribed }: Reading,
): Promise<AsyncDisposable> {
  return await openWorker({
    queue: subscribed,
    concurrency: 2,
    prefetch: 1,
    drainMs: 200,
    handle: async (job) => {
      if (job.attempt > 1 || job.crashes > 0) world.sometimes("a news copy was handled again");
      await host.clock.sleep(subscription === "slow" ? 150 : host.random.pick([0, 5, 60]));
      if (host.random.next() < 0.1) throw new Error("not now");
      const data = JSON.stringify({ subscription, id: job.id, news: job.input });
      job.also({ op: "append", log: "read", stream: subscription, expected: "any", events: [{ type: "Read", data }] });
    },
  });
}

async function worksOnTicks(host: NodeHost, engine: BedEngine): Promise<AsyncDisposable> {
  return await openWorker({
    queue: await openQueue({ engine, queue: ticks, random: host.random.stream("ticks") }),
    concurrency: 1,
    prefetch: 0,
    drainMs: 200,
    handle: async (job) => {
      await host.clock.sleep(host.random.pick([0, 20, 300]));
      const data = JSON.stringify(job.input);
      job.also({ op: "append", log: "ticks", stream: "ticks", expected: "any", events: [{ type: "Tick", data }] });
    },
  });
}

const tickOf = ({ schedule, scheduledAtMs }: Firing): Tick => ({ schedule, atMs: scheduledAtMs });

/** The same schedules in every process. */
async function openTicking({ world }: Stage, engine: BedEngine): Promise<Schedule> {
  const target = await openQueue({ engine, queue: ticks });
  return await openSchedule({
    engine,
    schedules: [
      { name: "all", everyMs: 300, queue: target, input: tickOf, catchUp: "all" },
      { name: "latest", everyMs: 500, queue: target, input: tickOf },
      { name: "cron", cron: "* * * * * *", queue: target, input: tickOf, catchUp: "none" },
    ],
    pollMs: 1_000,
    onFault: ({ error }) => {
      if (error instanceof RefusedError) world.sometimes("a schedule met a full queue");
    },
  });
}

/** Publishes one after the other. Half of the news is given up when it is refused, the other half is sent again under its dedup key. */
function startAuthor({ world, bed, history }: Stage, name: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let next = 0;
  const start = async (host: NodeHost): Promise<void> => {
    const opened = await openTopic({ engine: await bed.open(host), topic: newspaper });
    const work = async (): Promise<void> => {
      while (next < newsCount) {
        const news: News = { author: name, n: next++ };
        const publication = history.publishing(news);
        for (;;) {
          try {
            const dedup = news.n % 2 === 0 ? undefined : { key: `${name} ${news.n}`, forMs: 3_600_000 };
            await opened.publish(news, { dedup });
            history.ended(publication, "published");
            break;
          } catch (error) {
            if (error instanceof QueueFullError) world.sometimes("a subscription was full");
            if (news.n % 2 === 0) {
              history.ended(publication, "refused");
              break;
            }
            await host.clock.sleep(100);
          }
        }
        await host.clock.sleep(host.random.integer(0, 400));
      }
      resolve();
    };
    void work();
  };
  void world.node(name, { start }).start();
  return promise;
}

/** Subscribes one that comes later, and one that leaves again; pauses a schedule for a while. */
function startOperator({ world, bed, history }: Stage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async (host: NodeHost): Promise<void> => {
    const engine = await bed.open(host);
    const opened = await openTopic({ engine, topic: newspaper });
    const idle = await openQueue({ engine, queue: ticks });
    const entries = [{ name: "latest", everyMs: 500, queue: idle, input: tickOf }] as const;
    const work = async (): Promise<void> => {
      const isGone = history.standing.get("leaver")?.to !== Infinity && history.standing.has("leaver");
      if (!isGone) await insist(host, () => opened.subscribe("leaver", rules));
      history.stands("leaver");
      await host.clock.sleep(host.random.integer(100, 2_000));
      await insist(host, () => opened.subscribe("late", rules));
      history.stands("late");
      world.sometimes("came later");
      await pauseSchedule({ world, history }, host, () =>
        openSchedule({ engine, schedules: [...entries], pollMs: 600_000 }),
      );
      history.ends("leaver");
      await insist(host, () => opened.unsubscribe("leaver"));
      world.sometimes("left");
      if ((await insist(host, () => opened.subscriptions())).includes("leaver"))
        history.violations.push("a subscription that was ended is listed");
      resolve();
    };
    void work();
  };
  void world.node("operator", { start }).start();
  return promise;
}

/** While it is paused, what it did last stays the same. Whoever comes after a crash in between resumes. */
async function pauseSchedule(
  { world, history }: Pick<Stage, "world" | "history">,
  host: NodeHost,
  open: () => Promise<Schedule>,
): Promise<void> {
  await using schedule = await insist(host, open);
  const lastOf = async (): Promise<number | undefined> => (await insist(host, () => schedule.list()))[0]?.lastAtMs;
  await insist(host, () => schedule.resume("latest"));
  await insist(host, () => schedule.pause("latest"));
  const before = await lastOf();
  await host.clock.sleep(host.random.integer(100, 1_500));
  const after = await lastOf();
  if (before !== after) history.violations.push(`a paused schedule went on from ${before} to ${after}`);
  world.sometimes("a schedule was paused");
  await insist(host, () => schedule.resume("latest"));
}

/** Nothing is left to read; of the schedules, which never end, as much as was due when all was healed. */
async function drained({ world, bed }: Stage): Promise<void> {
  const engine = await bed.look();
  for (const name of [...Object.keys(readers), "late"]) {
    const read = await openQueue({ engine, queue: queue<News>(`topic:news:${name}`, rules) });
    while ((await read.status()).depth > 0) await world.clock.sleep(200);
  }
  await world.clock.sleep(3_000);
}

async function insist<T>(host: NodeHost, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      await host.clock.sleep(50);
    }
  }
}
