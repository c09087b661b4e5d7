import {
  type BatchOutcome,
  type Job,
  openBatchWorker,
  openQueue,
  openWorker,
  type Queue,
  QueueFullError,
  ReplyError,
} from "ashlar/queue";
import { type NodeHost, scenario, type Scenario, type World } from "ashlar/simulation";
import { type Bed, type BedEngine, bedFaults, type BedKind, openBed } from "./bed.ts";
import { checkFlow } from "./queue-flow-check.ts";
import { FlowHistory, type Parcel, parcelGroups, unreadableBody } from "./queue-flow-history.ts";
import { batched, batchSize, single, timeoutMs } from "./queue-flow-queues.ts";

const workers = ["worker-a", "worker-b"];
const nodes = [...workers, "producer", "operator", "asker"];
/** Over the time budget: shortly, so that the handler ends in its time of grace, or for longer. */
const tooLongMs = [800, 1_500];

/** Batches, lanes, pauses, cancellation, time budgets, answers and dead letters of ashlar/queue, on one of the engines. */
export function queueFlowProof(kind: BedKind): Scenario {
  return scenario({
    name: kind === "memory" ? "queue-flow" : `queue-flow-${kind}`,
    about:
      "batches settle job by job, lower lanes first, pauses hold, what is cancelled never runs, groups are added whole",
    phases: { warmUpMs: 100, chaosMs: 4_000, livenessMs: 240_000 },
    faults: bedFaults(kind, nodes, 10),
    sometimes: [
      "a full batch",
      "a batch that waited long enough",
      "a suspect in a batch of its own",
      "a batch threw",
      "a batch with too few outcomes",
      "the queue was full",
      "a call was refused",
      "paused",
      "a claim in a pause",
      "cancelled",
      "too late to cancel",
      "a time budget was used up",
      "asked in vain",
      "asked and answered",
      "an unreadable job",
      "purged",
      "redriven at a rate",
      "overtaken by a lower lane",
    ],
    async open(world, { healed }) {
      const stage: Stage = { world, bed: await openBed(world, kind), history: new FlowHistory(world), healed };
      const groups = parcelGroups(world.random("parcels"));
      for (const name of workers) void world.node(name, { start: (host) => startWorkers(stage, host) }).start();
      const load = [startProducer(stage, groups), startAsker(stage)];
      const operated = startOperator(stage);
      return {
        finish: async () => {
          await operated;
          await keptOpen(stage, async () => {
            await Promise.all(load);
            await drained(stage);
          });
        },
        check: async () => checkFlow(stage.history, await stage.bed.look(), world),
      };
    },
  });
}

interface Stage {
  readonly world: World;
  readonly bed: Bed;
  readonly history: FlowHistory;
  readonly healed: AbortSignal;
}

async function startWorkers(stage: Stage, host: NodeHost): Promise<AsyncDisposable> {
  const { history, bed } = stage;
  const engine = history.watched(await bed.open(host), host);
  const inBatches = await openBatchWorker({
    queue: await openQueue({ engine, queue: batched, random: host.random.stream("batched") }),
    size: batchSize,
    waitMs: 100,
    drainMs: 500,
    handle: (jobs) => handleBatch(stage, host, jobs),
  });
  const oneByOne = await openWorker({
    queue: await openQueue({ engine, queue: single, random: host.random.stream("single") }),
    concurrency: 2,
    prefetch: 0,
    drainMs: 500,
    timeoutMs,
    handle: (job) => handleOne(stage, host, job),
  });
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([inBatches[Symbol.asyncDispose](), oneByOne[Symbol.asyncDispose]()]);
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** Each job by itself; sometimes all of them fail together, because the handler throws or forgets one. */
async function handleBatch(
  stage: Stage,
  host: NodeHost,
  jobs: readonly Job<Parcel>[],
): Promise<readonly BatchOutcome<number>[]> {
  const { history, world } = stage;
  history.batch(jobs, batchSize);
  const handlings = jobs.map((job) => begun(stage, host, job, batched.name));
  if (jobs.some((job) => isKilled(stage, job))) await died(world, host);
  await host.clock.sleep(Math.max(...jobs.map(({ input }) => input.workMs)));
  const trouble = world.random("trouble").next();
  if (!stage.healed.aborted && trouble < 0.1) {
    for (const handling of handlings) history.ended(handling, "threw");
    world.sometimes(trouble < 0.05 ? "a batch threw" : "a batch with too few outcomes");
    if (trouble < 0.05) throw new Error("the whole batch fails");
    return [];
  }
  return jobs.map((job, index): BatchOutcome<number> => {
    const fails = failureOf(stage, job);
    const handling = handlings[index];
    if (handling !== undefined) history.ended(handling, fails === undefined ? "returned" : "threw");
    if (fails !== undefined) return { status: "failed", error: fails };
    job.also(doneChange(job));
    return { status: "done", reply: job.input.n * 2 };
  });
}

async function handleOne(stage: Stage, host: NodeHost, job: Job<Parcel>): Promise<number> {
  const { history, world } = stage;
  const handling = begun(stage, host, job, single.name);
  if (isKilled(stage, job)) await died(world, host);
  const isSlow = job.input.kind === "slow" && job.attempt <= job.input.times;
  await host.clock.sleep(isSlow ? host.random.pick(tooLongMs) : job.input.workMs);
  const fails = failureOf(stage, job);
  job.also(doneChange(job)); // also what comes too late: it must not be recorded
  history.ended(handling, fails === undefined ? "returned" : "threw");
  if (fails !== undefined) throw fails;
  return job.input.n * 2;
}

// oxlint-disable-next-line max-params -- a handling is of a job, in a process, for a queue
function begun({ history, world }: Stage, host: NodeHost, job: Job<Parcel>, name: string) {
  const handling = history.started(host, job, name);
  job.signal.addEventListener("abort", () => {
    const isLate = (job.signal.reason as Error).name === "TimeoutError";
    if (isLate) world.sometimes("a time budget was used up");
    history.ended(handling, isLate ? "late" : "lost");
  });
  return handling;
}

function failureOf({ healed }: Stage, { input, attempt }: Job<Parcel>): Error | undefined {
  if (input.kind === "fails" && attempt <= input.times) return new Error(`attempt ${attempt} fails`);
  return input.kind === "poison" && !healed.aborted ? new Error("poison") : undefined;
}

function isKilled({ healed }: Stage, { input, crashes }: Job<Parcel>): boolean {
  return input.kind === "kills" && crashes < input.times && !healed.aborted;
}

async function died(world: World, host: NodeHost): Promise<never> {
  const node = world.nodes.get(host.name);
  node?.crash("process");
  world.clock.setTimer(200, () => (node?.state === "down" ? void node.start() : undefined));
  return await new Promise(() => undefined);
}

function doneChange({ id, input }: Job<Parcel>) {
  const data = JSON.stringify({ id, n: input.n, call: input.call });
  return { op: "append", log: "done", stream: `job ${id}`, expected: "any", events: [{ type: "Done", data }] } as const;
}

type Work = Queue<Parcel, number>;

async function queuesOf(engine: BedEngine): Promise<readonly [Work, Work]> {
  return [await openQueue({ engine, queue: batched }), await openQueue({ engine, queue: single })];
}

/** Adds group after group, each whole or not at all, and insists under another name when it is told that nothing was added. */
function startProducer(stage: Stage, groups: readonly (readonly Parcel[])[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = [...groups];
  const start = async (host: NodeHost): Promise<void> => {
    const queues = await queuesOf(await stage.bed.open(host));
    const work = async (): Promise<void> => {
      for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
        await addGroup(stage, host, { group, target: host.random.pick(queues) });
        await host.clock.sleep(host.random.integer(0, 300));
      }
      resolve();
    };
    void work();
  };
  void stage.world.node("producer", { start }).start();
  return promise;
}

async function addGroup(
  { world, history }: Stage,
  host: NodeHost,
  { group, target }: { readonly group: readonly Parcel[]; readonly target: Work },
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const parcels = group.map((parcel) => ({ ...parcel, call: `${target.definition.name} ${host.epoch}.${tries}` }));
    const call = history.called(parcels);
    const { lane = 0, delayMs } = parcels[0] ?? {};
    try {
      const added = await target.addMany(parcels, { lane, delayMs });
      return history.answered(
        call,
        "added",
        added.map(({ id }) => id),
      );
    } catch (error) {
      history.answered(call, "refused");
      world.sometimes(error instanceof QueueFullError ? "the queue was full" : "a call was refused");
      await host.clock.sleep(100);
    }
  }
}

/** Pauses and resumes, cancels, and puts a job in that nobody can read. */
function startOperator(stage: Stage): Promise<void> {
  const { world, bed, healed } = stage;
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async (host: NodeHost): Promise<void> => {
    const engine = await bed.open(host);
    const queues = await queuesOf(engine);
    const work = async (): Promise<void> => {
      await insist(host, () => queues[1].resume()); // whoever paused it may have died
      await insist(host, () => queues[0].resume());
      while (!healed.aborted) {
        await host.clock.sleep(host.random.integer(50, 500));
        const target = host.random.pick(queues);
        const what = host.random.next();
        if (what < 0.25) await pauseAWhile(stage, host, target);
        else if (what < 0.9) await cancelOne(stage, host, target);
        else await addUnreadable(stage, engine, target);
      }
      for (const target of queues) await insist(host, () => target.resume());
      resolve();
    };
    void work();
  };
  void world.node("operator", { start }).start();
  return promise;
}

/** While it is paused, on the word of the engine, nobody gets a job whose claim began then and was answered before the end. */
async function pauseAWhile({ world, history }: Stage, host: NodeHost, target: Work): Promise<void> {
  await insist(host, () => target.pause());
  world.sometimes("paused");
  const from = history.moment();
  const span = { queue: target.definition.name, from, to: from };
  history.pauses.push(span);
  const lengthMs = host.random.integer(50, 600);
  for (let passedMs = 0; passedMs < lengthMs; passedMs += 50) {
    await host.clock.sleep(50);
    span.to = history.moment();
  }
  await insist(host, () => target.resume());
}

async function cancelOne({ world, history }: Stage, host: NodeHost, target: Work): Promise<void> {
  const { name } = target.definition;
  const known = history.calls.flatMap(({ parcels, ids }) => (parcels[0]?.call.startsWith(name) === true ? ids : []));
  if (known.length === 0) return;
  const id = host.random.pick(known.slice(-4));
  history.cancelling.add(`${name} ${id}`);
  try {
    const answer = await target.cancel(id);
    world.sometimes(answer === "cancelled" ? "cancelled" : "too late to cancel");
    if (answer === "cancelled") history.cancelled.push({ queue: name, id, at: history.moment() });
  } catch {
    await host.clock.sleep(50); // the store refuses for a while
  }
}

async function addUnreadable({ world, history }: Stage, engine: BedEngine, target: Work): Promise<void> {
  const body = unreadableBody(history.malformed.length);
  try {
    await engine.commit([{ op: "enqueue", queue: target.definition.name, messages: [{ body }] }]);
    history.malformed.push(body);
    world.sometimes("an unreadable job");
  } catch {
    // The store refuses for a while: nothing was added.
  }
}

/** Asks for answers, of jobs that fail too. */
function startAsker({ world, bed, history, healed }: Stage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let next = 1_000;
  const start = async (host: NodeHost): Promise<void> => {
    const queues = await queuesOf(await bed.open(host));
    const work = async (): Promise<void> => {
      while (!healed.aborted && next < 1_008) {
        const kind = host.random.pick(["plain", "poison", "kills"] as const);
        const parcel: Parcel = { n: next++, call: "ask", kind, workMs: 10, times: 99, lane: 0 };
        const target = host.random.pick(queues);
        try {
          const answer = await target.ask(parcel, { withinMs: 3_000 });
          history.answers.push({ n: parcel.n, answer });
          world.sometimes("asked and answered");
        } catch (error) {
          if (error instanceof ReplyError) {
            history.replyErrors.push({ n: parcel.n });
            world.sometimes("asked in vain");
          }
        }
        await host.clock.sleep(host.random.integer(50, 500));
      }
      resolve();
    };
    void work();
  };
  void world.node("asker", { start }).start();
  return promise;
}

/** Resumes what is paused until `work` is over: what an operator asked for who died before he was told can reach the store after all others. */
async function keptOpen({ world, bed }: Stage, work: () => Promise<void>): Promise<void> {
  const queues = await queuesOf(await bed.look());
  const over = new AbortController();
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      for (const target of queues) if ((await target.status()).flow === "paused") await target.resume();
      await world.clock.sleep(250);
    }
  };
  await Promise.all([work().finally(() => over.abort()), watch()]);
}

/** Waits until nothing is left; sends half of the dead back, at a rate; purges what is dead then. */
async function drained({ world, bed, history }: Stage): Promise<void> {
  const engine = await bed.look();
  const queues = await queuesOf(engine);
  const empty = async (): Promise<void> => {
    for (const target of queues) while ((await target.status()).depth > 0) await world.clock.sleep(250);
  };
  await empty();
  for (const target of queues) {
    const dead = await Array.fromAsync(target.dead.list());
    history.deadBeforeRedrive = [...history.deadBeforeRedrive, ...dead];
    const mendable = dead.filter(({ reason }) => reason !== "input").map(({ id }) => id);
    if (mendable.length === 0) continue;
    const moved = await target.dead.redrive({ ids: mendable, ratePerSecond: 20 });
    if (moved !== mendable.length) history.violations.push(`${moved} of ${mendable.length} dead jobs went back`);
    world.sometimes("redriven at a rate");
  }
  await empty();
  for (const target of queues) {
    history.deadBeforePurge = [...history.deadBeforePurge, ...(await Array.fromAsync(target.dead.list()))];
    history.purged += await target.dead.purge();
    history.deadAfterPurge += (await Array.fromAsync(target.dead.list())).length;
  }
  if (history.purged > 0) world.sometimes("purged");
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
