import { RefusedError } from "ashlar/engine";
import { openChoreography, openSagas, type Sagas, type SagaOf } from "ashlar/saga";
import { type NodeHost, scenario, type Scenario, type World } from "ashlar/simulation";
import { type Bed, bedFaults, type BedKind, openBed } from "./bed.ts";
import { checkFlows } from "./saga-flows-check.ts";
import {
  approving,
  type FamilyEnd,
  family,
  forking,
  kid,
  loopingOne,
  loopingTwo,
  orders,
  type Place,
} from "./saga-flows-definitions.ts";
import { FlowsHistory, type Message, messages } from "./saga-flows-history.ts";

const executors = ["executor-a", "executor-b", "executor-c"];
const clients = ["client-a", "client-b"];
const nodes = [...executors, ...clients];

/** Approvals, checkpoints and versions, children, cancellation, forks and choreographies of ashlar/saga, on one of the engines. */
export function sagaFlowsProof(kind: BedKind): Scenario {
  return scenario({
    name: kind === "memory" ? "saga-flows" : `saga-flows-${kind}`,
    about:
      "decisions and timeouts exclude each other, rounds count once, children end with their parents, messages take effect once",
    phases: { warmUpMs: 100, chaosMs: 4_000, livenessMs: 240_000 },
    faults: bedFaults(kind, nodes, 10),
    sometimes: [
      "approving completed",
      "approved",
      "rejected",
      "nobody decided",
      "looping completed",
      "a run moved to the next version",
      "family completed",
      "family failed",
      "family cancelled",
      "a child was undone",
      "a child was cancelled",
      "forking failed",
      "fork completed",
      "a message was handled",
      "a message was duplicate",
      "a timeout passed",
      "a step ran again",
    ],
    async open(world, { healed }) {
      const stage: Stage = { world, bed: await openBed(world, kind), history: new FlowsHistory(world), healed };
      const random = world.random("inputs");
      const ends = (["well", "after the child", "after the race"] as const).map(() =>
        random.pick(["well", "after the child", "after the race"] as const),
      );
      const sent = messages(random);
      for (const name of executors) void world.node(name, { start: (host) => startExecutor(stage, host) }).start();
      const over = clients.map((name) => startClient(stage, name, { ends, sent }));
      return {
        finish: async () => {
          await Promise.all(over);
          await settled(stage);
        },
        check: async () => {
          const engine = await stage.bed.look();
          const place = { world, history: stage.history, engine, host: undefined };
          const sagas = await openSagas({ engine, sagas: all(place), random: world.random("look") });
          await checkFlows(stage.history, { engine, sagas, place, ends });
        },
      };
    },
  });
}

interface Stage {
  readonly world: World;
  readonly bed: Bed;
  readonly history: FlowsHistory;
  readonly healed: AbortSignal;
}

function all(place: Place) {
  return [approving(place), loopingOne(place), loopingTwo(place), kid(place), family(place), forking(place)] as const;
}

/** The first knows the old version of the loop, the last the new one, and the one in between both. */
async function startExecutor({ world, bed, history }: Stage, host: NodeHost): Promise<AsyncDisposable> {
  const engine = await bed.open(host);
  const place: Place = { world, history, engine, host };
  const missing = { "executor-a": "2", "executor-c": "1" }[host.name];
  const known = all(place).filter(({ name, version }) => name !== "looping" || version !== missing);
  const random = host.random.stream("sagas");
  const sagas = await openSagas({ engine, sagas: known, random, drainMs: 300, concurrency: 4 });
  const choreographed = await openChoreography(engine, orders, { random: host.random.stream("orders") });
  return {
    async [Symbol.asyncDispose]() {
      await choreographed[Symbol.asyncDispose]();
      await sagas[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
    },
  };
}

interface Load {
  readonly ends: readonly FamilyEnd[];
  readonly sent: readonly Message[];
}

/** Both clients do the same: start what the other may have started, decide, cancel, fork, send. */
function startClient(stage: Stage, name: string, load: Load): Promise<void> {
  const { world, bed, history } = stage;
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async (host: NodeHost): Promise<AsyncDisposable> => {
    const engine = await bed.open(host);
    const place: Place = { world, history, engine, host };
    const random = host.random.stream("sagas");
    const sagas = await openSagas({ engine, sagas: all(place), random, drainMs: 300, concurrency: 1 });
    const here: Here = { stage, host, sagas, place };
    const over = Promise.all([
      ...[0, 1].map((number) => approve(here, `approving-${number}`)),
      ...[0, 1].map((number) => begin(here, [loopingOne(place), `looping-${number}`, `looping-${number}`])),
      ...load.ends.map((end, number) => raise(here, `family-${number}`, end)),
      fork(here, "forking-0"),
      send(here, load.sent),
    ]);
    over.then(
      () => resolve(),
      (error: unknown) => (host.stopping.aborted ? undefined : world.kernel.fail(error)),
    );
    return sagas;
  };
  void world.node(name, { start }).start();
  return promise;
}

interface Here {
  readonly stage: Stage;
  readonly host: NodeHost;
  readonly sagas: Sagas;
  readonly place: Place;
}

/** Starts a run, which may run already, and waits for its end. */
async function begin<Input, Output>(
  here: Here,
  [definition, id, input]: readonly [SagaOf<Input, Output>, string, Input],
): Promise<void> {
  const { host, sagas } = here;
  await host.clock.sleep(host.random.integer(0, 500));
  await insist(host, () => sagas.start(definition, id, input));
  await ended(here, definition, id);
}

async function ended<Output>(
  { stage, host, sagas }: Here,
  definition: SagaOf<never, Output>,
  id: string,
): Promise<void> {
  for (;;) {
    const outcome = await sagas
      .run(definition, id)
      .result({ withinMs: 2_000 })
      .catch(() => undefined);
    host.stopping.throwIfAborted(); // the next process goes on
    // A run whose version is not known everywhere asks for attention until somebody comes who knows it.
    if (outcome !== undefined && outcome.status !== "open" && outcome.status !== "needs-attention")
      return stage.history.outcome(id, outcome);
    if (outcome?.status === "needs-attention" && outcome.problem.kind !== "unknown-version")
      throw new Error(`${id}: ${outcome.problem.kind} ${outcome.problem.error.message}`);
    await host.clock.sleep(50);
  }
}

/** Decides late, early, twice, and both ways. */
async function approve(here: Here, id: string): Promise<void> {
  const { host, sagas, place, stage } = here;
  const definition = approving(place);
  const deciding = async (): Promise<void> => {
    for (let round = 0; round < 2; round++) {
      await host.clock.sleep(host.random.integer(0, 2_500));
      const approved = host.random.next() < 0.5;
      const by = `${host.name} ${host.epoch}.${round}`;
      stage.history.sending(id, { approved, by });
      const work = approved
        ? sagas.approve(definition, id, { name: "boss", by })
        : sagas.reject(definition, id, { name: "boss", by });
      await work.catch(() => undefined);
    }
  };
  void deciding();
  await begin(here, [definition, id, 0]);
}

async function raise(here: Here, id: string, end: FamilyEnd): Promise<void> {
  const { host, sagas, place } = here;
  const definition = family(place);
  const disturbing = async (): Promise<void> => {
    await host.clock.sleep(host.random.integer(200, 1_500));
    if (host.random.next() < 0.25) await sagas.cancel(definition, id, "drawn").catch(() => undefined);
  };
  void disturbing();
  await begin(here, [definition, id, end]);
}

/** The run fails; a fork of it that goes on from there completes. */
async function fork(here: Here, id: string): Promise<void> {
  const { host, sagas, place } = here;
  const definition = forking(place);
  await begin(here, [definition, id, 0]);
  await insist(host, async () => {
    try {
      await sagas.fork(definition, id, { fromStep: "last", newId: `fork-${id}` });
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error; // somebody has forked it already
    }
  });
  await ended(here, definition, `fork-${id}`);
}

async function send({ stage, host, place }: Here, sent: readonly Message[]): Promise<void> {
  const bound = await openChoreography(place.engine, orders, { random: host.random.stream("sender") });
  for (const message of sent) {
    const answer = await insist(host, () => bound.handle(message, { id: message.id }));
    stage.history.tell(message.id, answer);
    await host.clock.sleep(host.random.pick([0, 50, 300, 800]));
  }
  await bound[Symbol.asyncDispose]();
}

/** No instance waits any longer, no child either. */
async function settled({ world, bed, history }: Stage): Promise<void> {
  const engine = await bed.look();
  const place: Place = { world, history, engine, host: undefined };
  const bound = await openChoreography(engine, orders, { random: world.random("settled") });
  for (let order = 0; order < 3; order++)
    while ((await bound.state(`order-${order}`))?.status === "waiting") await world.clock.sleep(200);
  await bound[Symbol.asyncDispose]();
  const isOpen = async (): Promise<boolean> => {
    const found = await Array.fromAsync(engine.scan({ kind: "messages", queue: `saga:${kid(place).name}`, limit: 10 }));
    return found.length > 0;
  };
  while (await isOpen()) await world.clock.sleep(250);
}

async function insist<T>(host: NodeHost, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error) || Reflect.get(error, "retryable") !== true) throw error;
      await host.clock.sleep(100);
    }
  }
}
