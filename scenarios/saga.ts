import type { Change } from "ashlar/engine";
import { retryPlan } from "ashlar/queue";
import {
  openSagas,
  saga,
  type SagaContext,
  type SagaDefinition,
  type Sagas,
  signal,
  type StepContext,
} from "ashlar/saga";
import { type NodeHost, scenario, type Scenario, type World } from "ashlar/simulation";
import { type Bed, type BedEngine, bedFaults, type BedKind, openBed } from "./bed.ts";
import { checkSagas } from "./saga-check.ts";
import { type Part, SagaHistory, type Script, scripts } from "./saga-history.ts";

const executors = ["executor-a", "executor-b", "executor-c"];
const nodes = [...executors, "client"];
const leaseMs = 500;
const nudge = signal<string>("nudge");
const books = { space: "books", key: "sum" };

/** Every promise of ashlar/saga, on one of the engines. */
export function sagaProof(kind: BedKind): Scenario {
  return scenario({
    name: kind === "memory" ? "saga" : `saga-${kind}`,
    about:
      "recorded steps never run again, one executor writes, what failed is undone in reverse order, waits are durable",
    phases: { warmUpMs: 100, chaosMs: 4_000, livenessMs: 240_000 },
    faults: bedFaults(kind, nodes, 12),
    sometimes: [
      "a step ran again",
      "a run completed",
      "a run failed",
      "a run cancelled",
      "answered for a step",
      "a run taken over",
    ],
    async open(world, { healed }) {
      const bed = await openBed(world, kind);
      const history = new SagaHistory(world);
      const stage: Stage = {
        world,
        bed,
        history,
        healed,
        scripts: scripts(world.random("scripts"), kind),
        takers: new Map(),
      };
      for (const name of executors) void world.node(name, { start: (host) => startExecutor(stage, host) }).start();
      const finished = startClient(stage);
      return {
        finish: () => finished,
        check: async () => {
          const engine = await bed.look();
          const [cell] = await engine.get([books]);
          const sagas = await openSagas({
            engine,
            sagas: definitions(stage, engine, undefined),
            random: world.random("look"),
          });
          const reports = await Promise.all(
            stage.scripts.map(async ({ number }) => await sagas.inspect(main(stage, engine, undefined), idOf(number))),
          );
          await checkSagas(history, { engine, scripts: stage.scripts, reports, booked: Number(cell?.value ?? 0) });
        },
      };
    },
  });
}

interface Stage {
  readonly world: World;
  readonly bed: Bed;
  readonly history: SagaHistory;
  readonly healed: AbortSignal;
  readonly scripts: readonly Script[];
  /** Who executed a run last. */
  readonly takers: Map<string, string>;
}

function idOf(number: number): string {
  return `run-${number}`;
}

async function startExecutor(stage: Stage, host: NodeHost): Promise<AsyncDisposable> {
  const engine = await stage.bed.open(host);
  if ("migrate" in engine && typeof engine.migrate === "function")
    await engine.migrate("proof", [{ name: "rows", sql: "create table row(run text not null) strict" }]);
  const random = host.random.stream("sagas");
  const sagas = await openSagas({
    engine,
    sagas: definitions(stage, engine, host),
    random,
    drainMs: 300,
    concurrency: 3,
  });
  return {
    async [Symbol.asyncDispose]() {
      await sagas[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
    },
  };
}

type Main = SagaDefinition<Script, number>;

function definitions(
  stage: Stage,
  engine: BedEngine,
  host: NodeHost | undefined,
): readonly [Main, SagaDefinition<string, string>] {
  return [main(stage, engine, host), child(stage, host)];
}

const rules = {
  version: "1",
  leaseMs,
  crashesMax: 1_000,
  retry: retryPlan({ attemptsMax: 3, firstMs: 50, capMs: 400 }),
};

function main(stage: Stage, engine: BedEngine, host: NodeHost | undefined): Main {
  return saga("main", rules, async (script: Script, context) => {
    noteTaker(stage, host, context.id);
    for (const [index, part] of script.parts.entries()) {
      if (index === script.failsAt) context.fail("drawn");
      await run(part, { stage, engine, host, context, index });
    }
    return script.number;
  });
}

function child(stage: Stage, host: NodeHost | undefined): SagaDefinition<string, string> {
  return saga("child", rules, async (of: string, context) => {
    await outside({ stage, host, context }, "childs-play");
    return of;
  });
}

function noteTaker({ takers, world }: Stage, host: NodeHost | undefined, id: string): void {
  const taker = `${host?.name} ${host?.epoch}`;
  if (takers.has(id) && takers.get(id) !== taker) world.sometimes("a run taken over");
  takers.set(id, taker);
}

interface Here {
  readonly stage: Stage;
  readonly host: NodeHost | undefined;
  readonly context: SagaContext;
}

interface Place extends Here {
  readonly engine: BedEngine;
  readonly index: number;
}

async function run(part: Part, place: Place): Promise<void> {
  const { stage, engine, context, index } = place;
  const { history } = stage;
  switch (part) {
    case "outside":
      return await outside(place, `outside-${index}`);
    case "inside":
      await context.step.commit(`inside-${index}`, async () => ({ result: index, changes: await book(engine, 1) }), {
        undoCommit: async () => ({ changes: await book(engine, -1) }),
      });
      return;
    case "pause":
      return await context.sleep(`pause-${index}`, (index + 1) * 300);
    case "signal": {
      const outcome = await context.signal(nudge, { name: `signal-${index}`, withinMs: 1_500 });
      if (outcome.received) await context.step(`took-${index}`, () => history.took(context.id, outcome.payload));
      return;
    }
    case "branches":
      await Promise.all([outside(place, `left-${index}`), outside(place, `right-${index}`)]);
      return;
    case "child":
      await context.child(child(stage, undefined), `${context.id}-child-${index}`, context.id);
      return;
    case "once":
      return await once(place, `once-${index}`);
    case "sql":
      await context.step.tx(
        `sql-${index}`,
        ({ sql }) => void (sql as Rows).run("insert into row values (?)", context.id),
      );
      return;
  }
}

interface Rows {
  run(sql: string, ...values: readonly string[]): unknown;
}

async function book(engine: BedEngine, amount: number): Promise<readonly Change[]> {
  const [cell] = await engine.get([books]);
  const value = String(Number(cell?.value ?? 0) + amount);
  return [{ op: "put", cell: books, expect: cell?.version ?? "absent", value }];
}

/** An effect outside, under its key, and its undoing. Some attempts fail. */
async function outside({ stage, host, context }: Here, name: string): Promise<void> {
  if (host === undefined) return; // a look at the definition only
  const { history } = stage;
  const act = async (kind: "step" | "undo", { key }: StepContext): Promise<string> => {
    const effect = history.begun(host, key, kind);
    await host.clock.sleep(host.random.pick([0, 0, 20, 200, 700]));
    if (host.random.next() < 0.1) throw new Error("the other side is busy");
    effect.end = "done";
    return key;
  };
  const key = await context.step(name, (step) => act("step", step), {
    undo: (_, step) => act("undo", step),
    retry: retryPlan({ attemptsMax: 50, firstMs: 20, capMs: 200 }),
  });
  history.recorded(key);
}

async function once({ stage, host, context }: Here, name: string): Promise<void> {
  if (host === undefined) return;
  const { history } = stage;
  const done = async ({ key }: StepContext): Promise<string> => {
    const effect = history.begun(host, key, "once");
    await host.clock.sleep(100);
    effect.end = "done";
    return key;
  };
  await context.step(name, done, { idempotent: "no" });
}

/** Starts runs, more than once each, sends signals, cancels, and answers for steps of which nobody knows whether they happened. */
function startClient(stage: Stage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const start = async (host: NodeHost): Promise<AsyncDisposable> => {
    const engine = await stage.bed.open(host);
    const sagas = await openSagas({
      engine,
      sagas: definitions(stage, engine, host),
      random: host.random,
      drainMs: 300,
      concurrency: 1,
    });
    const runs = stage.scripts.map((script) =>
      follow(stage, host, { sagas, script, definition: main(stage, engine, host) }),
    );
    const over = Promise.all(runs);
    over.then(
      () => resolve(),
      (error: unknown) => (host.stopping.aborted ? undefined : stage.world.kernel.fail(error)),
    );
    return sagas;
  };
  void stage.world.node("client", { start }).start();
  return promise;
}

interface Followed {
  readonly sagas: Sagas;
  readonly script: Script;
  readonly definition: Main;
}

async function follow(stage: Stage, host: NodeHost, followed: Followed): Promise<void> {
  const { history } = stage;
  const { sagas, script, definition } = followed;
  const id = idOf(script.number);
  await host.clock.sleep(script.number * 150);
  await insist(host, () => sagas.start(definition, id, script));
  void disturb(stage, host, followed);
  for (;;) {
    const outcome = await sagas
      .run(definition, id)
      .result({ withinMs: 2_000 })
      .catch(() => undefined);
    host.stopping.throwIfAborted(); // the next process goes on
    if (outcome?.status === "needs-attention") {
      const { kind, step } = outcome.problem;
      if (kind !== "outcome-unknown" || step === undefined)
        throw new Error(`${id}: ${kind} ${outcome.problem.error.message}`);
      stage.world.sometimes("answered for a step");
      await insist(host, () => sagas.resolve(definition, id, step, "answered"));
      await host.clock.sleep(300);
    } else if (outcome !== undefined && outcome.status !== "open") return history.ended(id, outcome);
    else await host.clock.sleep(50);
  }
}

async function disturb(
  { history, healed }: Stage,
  host: NodeHost,
  { sagas, script, definition }: Followed,
): Promise<void> {
  const id = idOf(script.number);
  const quietly = async (work: () => Promise<unknown>): Promise<void> => void (await work().catch(() => undefined));
  for (let round = 0; !healed.aborted && round < 6; round++) {
    await host.clock.sleep(host.random.integer(50, 900));
    const payload = `${id}/${host.random.integer(0, 2)}`;
    history.sent.add(payload);
    await quietly(() => sagas.signal(definition, id, nudge, payload, { dedupId: payload }));
    await quietly(() => sagas.start(definition, id, script));
    if (host.random.next() < 0.06) await quietly(() => sagas.cancel(definition, id, "drawn"));
  }
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
