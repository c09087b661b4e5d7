import { openQueue, openWorker, queue, type Job, type Queue, type QueueDefinition, retryPlan } from "ashlar/queue";
import type { SqliteSql } from "ashlar/engine/sqlite";
import { type NodeHost, scenario, type Scenario, type World } from "ashlar/simulation";
import { type Bed, bedFaults, type BedKind, openBed } from "./bed.ts";
import { checkQueue } from "./queue-check.ts";
import { type Input, inputs, QueueHistory } from "./queue-history.ts";

const workers = ["worker-a", "worker-b", "worker-c"];
const nodes = [...workers, "producer", "asker"];
export const leaseMs = 1_000;
export const crashesMax = 3;
export const depthMax = 8;
const attemptsMax = 4;

const rules = {
  retry: retryPlan({ attemptsMax, firstMs: 50, capMs: 1_000 }),
  key: (input: Input) => input.key,
  leaseMs,
  crashesMax,
  depthMax,
};
const jobs: QueueDefinition<Input, number> = queue("jobs", rules);
const atMostOnce: QueueDefinition<Input, number> = queue("at-most-once", {
  ...rules,
  retry: retryPlan({ attemptsMax: 1, firstMs: 0 }),
});

/** Every promise of ashlar/queue, on one of the engines. */
export function queueProof(kind: BedKind): Scenario {
  return scenario({
    name: kind === "memory" ? "queue" : `queue-${kind}`,
    about: "nothing added is lost, order a key, effects once, poison contained, bounds kept",
    phases: { warmUpMs: 100, chaosMs: 5_000, livenessMs: 240_000 },
    faults: bedFaults(kind, nodes, 12),
    sometimes: [
      "a lease was lost",
      "a worker died of a job",
      "dead by crashes",
      "dead by attempts",
      "the queue was full",
      "redriven",
      "asked and answered",
      "a duplicate add",
      "a suspect ran",
      ...(kind === "memory" ? [] : ["settled in a transaction"]),
    ],
    async open(world, { healed }) {
      const bed = await openBed(world, kind);
      const history = new QueueHistory(world, inputs(world.random("inputs"), kind));
      const stage: Stage = { world, bed, history, healed };
      for (const name of workers) void world.node(name, { start: (host) => startWorker(stage, host) }).start();
      const produced = startProducer(stage);
      const asked = startAsker(stage);
      return {
        finish: async () => {
          await produced;
          await asked;
          await drained(stage);
        },
        check: async () => checkQueue(history, await bed.look(), { jobs, atMostOnce }),
      };
    },
  });
}

interface Stage {
  readonly world: World;
  readonly bed: Bed;
  readonly history: QueueHistory;
  readonly healed: AbortSignal;
}

type Work = Queue<Input, number, SqliteSql>;

async function startWorker(stage: Stage, host: NodeHost): Promise<AsyncDisposable> {
  const { bed, history } = stage;
  const engine = await bed.open(host);
  if (engine.transaction !== undefined && "migrate" in engine) await history.migrate(engine);
  const opened: Work = await openQueue({ engine, queue: jobs, random: host.random.stream("queue") });
  const once: Work = await openQueue({ engine, queue: atMostOnce, random: host.random.stream("once") });
  const tuning = { concurrency: 2, prefetch: host.random.integer(0, 4), drainMs: 500, pollMs: 1_000 };
  const first = await openWorker({
    queue: opened,
    ...tuning,
    handle: (job) => handle(stage, host, job),
    onFault: ({ what }) => (what === "lost" ? stage.world.sometimes("a lease was lost") : undefined),
  });
  const second = await openWorker({
    queue: once,
    ...tuning,
    delivery: "at-most-once",
    handle: async (job) => {
      const handling = history.started(host, job, atMostOnce.name);
      await host.clock.sleep(host.random.integer(0, 50));
      history.ended(handling, "returned");
    },
  });
  host.clock.setTimer(0, () => history.sample(first, tuning));
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** What jobs do, by their kind. What `also` brings is what must happen exactly once. */
async function handle({ world, history, healed }: Stage, host: NodeHost, job: Job<Input, SqliteSql>): Promise<number> {
  const { input } = job;
  const handling = history.started(host, job, jobs.name);
  job.signal.addEventListener("abort", () => history.ended(handling, "lost"));
  try {
    if (input.kind === "kills" && job.crashes < input.times && !healed.aborted) {
      world.sometimes("a worker died of a job");
      const node = world.nodes.get(host.name);
      node?.crash("process");
      world.clock.setTimer(200, () => (node?.state === "down" ? void node.start() : undefined));
      await new Promise(() => undefined);
    }
    await host.clock.sleep(input.workMs);
    if (input.kind === "fails" && job.attempt <= input.times) throw new Error(`attempt ${job.attempt} fails`);
    if (input.kind === "poison" && !healed.aborted) throw new Error("poison");
    if (input.kind === "once") {
      const charged = await job.once("charge", (key) => history.charge(job, key));
      if (charged !== input.n) throw new Error(`charged ${charged} for ${input.n}`);
    }
    job.also({ op: "append", log: "done", stream: `job ${job.id}`, expected: "any", events: [history.done(job)] });
    if (input.kind === "transaction") {
      await job.tx(({ sql }) => void sql.run("insert into done values (?)", input.n));
      world.sometimes("settled in a transaction");
    }
    history.ended(handling, "returned");
    return input.n * 2;
  } catch (error) {
    history.ended(handling, "threw");
    throw error;
  }
}

/** Adds every input, one after the other, and insists while the store refuses. */
function startProducer(stage: Stage): Promise<void> {
  const { world, history } = stage;
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async (host: NodeHost): Promise<void> => {
    const engine = await stage.bed.open(host);
    const opened = await openQueue({ engine, queue: jobs, random: host.random });
    const once = await openQueue({ engine, queue: atMostOnce, random: host.random });
    const work = async (): Promise<void> => {
      for (let input = history.nextInput(); input !== undefined; input = history.nextInput()) {
        await host.clock.sleep(host.random.integer(0, 300));
        await history.add(input, input.kind === "at most once" ? once : opened, host.clock);
      }
      resolve();
    };
    void work();
  };
  void world.node("producer", { start }).start();
  return promise;
}

function startAsker({ world, bed, history, healed }: Stage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async (host: NodeHost): Promise<void> => {
    const opened = await openQueue({ engine: await bed.open(host), queue: jobs });
    const work = async (): Promise<void> => {
      for (let n = 0; !healed.aborted && n < 3; n++) {
        const input: Input = { n: 10_000 + n + host.epoch * 100, kind: "asked", workMs: 10, times: 0 };
        const answer = await opened.ask(input, { withinMs: 3_000 }).catch(() => undefined);
        if (answer !== undefined && answer !== input.n * 2) throw new Error(`asked ${input.n}, answered ${answer}`);
        if (answer !== undefined) history.answered(input);
        await host.clock.sleep(host.random.integer(100, 2_000));
      }
      resolve();
    };
    void work();
  };
  void world.node("asker", { start }).start();
  return promise;
}

/** Waits until nothing is left, redrives what is dead and can be mended, and waits again. */
async function drained({ world, bed, history }: Stage): Promise<void> {
  const engine = await bed.look();
  const [opened, once] = [await openQueue({ engine, queue: jobs }), await openQueue({ engine, queue: atMostOnce })];
  const empty = async (): Promise<void> => {
    while ((await opened.status()).depth + (await once.status()).depth > 0) await world.clock.sleep(250);
  };
  await empty();
  const dead = await Array.fromAsync(opened.dead.list());
  history.dead(dead);
  const mendable = dead.filter(({ input }) => input.kind === "poison").map(({ id }) => id);
  if (mendable.length === 0) return;
  history.redrive(mendable);
  await opened.dead.redrive({ ids: mendable });
  await empty();
}
