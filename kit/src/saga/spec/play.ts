import { type ManualClock, manualClock } from "../../clock/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { seededRandom } from "../../random/mod.ts";
import { type AnySaga, openSagas, type RunOutcome, type RunReport, type SagaOf, type Sagas } from "../mod.ts";

/** What is given: a saga, its input, and what happens around it. */
export interface Scenario<Input> {
  readonly input: Input;
  /** Children, and whatever else runs beside it. */
  readonly others?: readonly AnySaga[] | undefined;
  /** What happens while it runs: signals, decisions, time. Default: nothing. */
  readonly when?: ((stage: Stage) => Promise<void>) | undefined;
  /** How long the run may take, in time of its own. Default 30 days. */
  readonly withinMs?: number | undefined;
  /** The executor dies there, once: a name from `points`, such as `step:charge:before`. */
  readonly crashAt?: string | undefined;
}

/** The world of a played run. Its time stands still until it is advanced. */
export interface Stage {
  readonly sagas: Sagas;
  readonly engine: Engine;
  readonly id: string;
  readonly advance: (ms: number) => Promise<void>;
}

/** What came of it. */
export interface Played<Output> {
  readonly outcome: RunOutcome<Output>;
  readonly report: RunReport | undefined;
  /** The boundaries of the journal that the run passed, in order. */
  readonly points: readonly string[];
}

const id = "played";
const dayMs = 86_400_000;
// While a run is in progress, or its executor has died, its lease and short waits are timers of the clock.
const stepMs = 1_000;

/**
 * Plays one run on a memory engine and a clock of its own: days take milliseconds. The same scenario gives the same play, chance
 * included. With `crashAt` the executor dies at that point, and another takes over once the lease has ended.
 */
export async function playSaga<Input, Output>(
  definition: SagaOf<Input, Output>,
  scenario: Scenario<Input>,
): Promise<Played<Output>> {
  const clock = manualClock();
  await using engine = await openMemoryEngine({ clock });
  const points: string[] = [];
  let crashes = scenario.crashAt === undefined ? 0 : 1;
  const probe = (point: string, run: { readonly saga: string; readonly id: string }): void => {
    if (run.saga !== definition.name || run.id !== id) return;
    points.push(point);
    if (point === scenario.crashAt && crashes-- > 0) throw new Error(`played crash at ${point}`);
  };
  const sagas = await openSagas({
    engine,
    sagas: [definition, ...(scenario.others ?? [])],
    random: seededRandom("play"),
    probe,
    drainMs: 0,
  });
  const run = await settled(clock, sagas.start(definition, id, scenario.input));
  let outcome: RunOutcome<Output> | undefined;
  void run.result().then(
    (ended) => (outcome = ended),
    () => undefined, // the play is over: the end is told as open
  );
  const queues = [definition, ...(scenario.others ?? [])].map((saga) => `saga:${saga.name}`);
  const leap = async (untilMs: number): Promise<void> =>
    await leapTo(untilMs, { clock, engine, queues, isOver: () => false });
  const stage = { sagas, engine, id, advance: async (ms: number) => await leap(clock.now() + ms) };
  if (scenario.when !== undefined) await scenario.when(stage);
  const untilMs = clock.now() + (scenario.withinMs ?? 30 * dayMs);
  await leapTo(untilMs, { clock, engine, queues, isOver: () => outcome !== undefined });
  const report = await settled(clock, sagas.inspect(definition, id));
  await settled(clock, sagas[Symbol.asyncDispose]());
  return { outcome: outcome ?? { status: "open" }, report, points };
}

/**
 * Plays the scenario once undisturbed, and then once for every boundary of its journal with a crash there. `then` is given each play and where
 * it crashed (undefined in the first one), and throws where something is wrong.
 */
export async function playEveryCrash<Input, Output>(
  definition: SagaOf<Input, Output>,
  scenario: () => Scenario<Input>,
  then: (played: Played<Output>, crashAt: string | undefined) => void,
): Promise<void> {
  const undisturbed = await playSaga(definition, scenario());
  then(undisturbed, undefined);
  for (const crashAt of new Set(undisturbed.points))
    then(await playSaga(definition, { ...scenario(), crashAt }), crashAt);
}

interface Leap {
  readonly clock: ManualClock;
  readonly engine: Engine;
  readonly queues: readonly string[];
  readonly isOver: () => boolean;
}

/** Moves time, by leaps where everything sleeps: a month of back-stop timers would take longer than the run. */
async function leapTo(untilMs: number, leap: Leap): Promise<void> {
  const { clock, engine, queues } = leap;
  await clock.settle();
  while (!leap.isOver() && clock.now() < untilMs) {
    const { running, dueAtMs } = await nextOf(engine, queues);
    if (running > 0) await clock.advance(Math.min(stepMs, untilMs - clock.now()));
    else {
      clock.jump(Math.max(0, Math.min(dueAtMs, untilMs) - clock.now()));
      // Rings the bell, so that executors look at once and not at their next back-stop.
      await engine.commit(queues.map((queue) => ({ op: "flow", queue, to: "open" })));
      await clock.settle();
    }
  }
}

async function nextOf(
  engine: Engine,
  queues: readonly string[],
): Promise<{ readonly running: number; readonly dueAtMs: number }> {
  let running = 0;
  let dueAtMs = Number.POSITIVE_INFINITY;
  for (const queue of queues)
    for await (const message of engine.scan({ kind: "messages", queue })) {
      if (message.state !== "delayed") running++;
      else dueAtMs = Math.min(dueAtMs, message.dueAtMs ?? Number.POSITIVE_INFINITY);
    }
  return { running, dueAtMs };
}

async function settled<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => (isDone = true));
  done.catch(() => undefined);
  await clock.settle();
  // Whoever waits for time inside moves it himself; a drain waits for none.
  if (!isDone) await clock.advance(1);
  return await done;
}
