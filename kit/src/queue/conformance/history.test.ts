import fc from "fast-check";
import process from "node:process";
import { expect, test } from "vitest";
import { type ManualClock, manualClock } from "../../clock/mod.ts";
import type { Engine, LogEngine } from "../../engine/mod.ts";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { type Random, seededRandom } from "../../random/mod.ts";
import { type Job, openQueue, openWorker, type Queue, queue, retryPlan, type Worker } from "../mod.ts";
import { altered } from "./scenes.ts";

// More for a night: ASHLAR_RUNS=2000.
const runs = Number(process.env["ASHLAR_RUNS"] ?? 20);

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("add" as const), key: fc.constantFrom("a", "b", "c", undefined) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 700 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("start" as const, "stop" as const, "crash" as const) }) },
);

interface Input {
  readonly n: number;
  /** Attempts that throw before one that does not; 9 is more than the plan has. */
  readonly failures: number;
  readonly durationMs: number;
}

const never = new Promise<never>(() => {});
const definition = queue<Input>("jobs", {
  leaseMs: 1_000,
  crashesMax: 100,
  retry: retryPlan({ attemptsMax: 4, firstMs: 50 }),
});

/** Worker processes on one engine; one that crashed does nothing from then on that anybody could see. */
class Fleet {
  /** Jobs of one key that were seen running at the same time. */
  overlaps = 0;
  attempts = 0;
  readonly #engine: Engine;
  readonly #clock: ManualClock;
  readonly #random: Random;
  readonly #workers: { readonly worker: Worker; readonly life: { isAlive: boolean } }[] = [];
  readonly #holderOfKey = new Map<string, object>();

  constructor(engine: Engine, clock: ManualClock, random: Random) {
    this.#engine = engine;
    this.#clock = clock;
    this.#random = random;
  }

  async start(): Promise<void> {
    const life = { isAlive: true };
    const engine = this.#engine;
    const whileAlive = async <T>(call: () => Promise<T>): Promise<T> => {
      if (!life.isAlive) return never;
      const answer = await call();
      return life.isAlive ? answer : never;
    };
    const own = altered(engine, {
      commit: (changes) => whileAlive(() => engine.commit(changes)),
      claim: (request) => whileAlive(() => engine.claim(request)),
      extend: (receipts, leaseMs) => whileAlive(() => engine.extend(receipts, leaseMs)),
    });
    const jobs = await openQueue({ engine: own, queue: definition, random: this.#random });
    const handle = (job: Job<Input>): Promise<void> => this.#handle(job, life);
    this.#workers.push({ worker: await openWorker({ queue: jobs, concurrency: 3, drainMs: 100, handle }), life });
  }

  async stopOne(): Promise<void> {
    const closing = this.#workers.pop()?.worker[Symbol.asyncDispose]();
    await this.#clock.advance(5_000);
    await closing;
  }

  crashOne(): void {
    const crashed = this.#workers.pop()?.life;
    if (crashed === undefined) return;
    crashed.isAlive = false;
    for (const [key, holder] of this.#holderOfKey) if (holder === crashed) this.#holderOfKey.delete(key);
  }

  async stopAll(): Promise<void> {
    while (this.#workers.length > 0) await this.stopOne();
  }

  async #handle(job: Job<Input>, life: { readonly isAlive: boolean }): Promise<void> {
    const key = job.key ?? job.id;
    if (life.isAlive) {
      this.attempts++;
      if (this.#holderOfKey.has(key)) this.overlaps++;
      this.#holderOfKey.set(key, life);
    }
    await this.#clock.sleep(job.input.durationMs);
    if (life.isAlive) this.#holderOfKey.delete(key);
    if (job.attempt <= job.input.failures) throw new Error(`failure ${job.attempt}`);
    const events = [{ type: "end", data: String(job.input.n) }];
    job.also({ op: "append", log: "ends", stream: key, expected: "any", events });
  }
}

/** What was added, and the audit at the end. */
class Ledger {
  readonly #jobs: Queue<Input>;
  readonly #engine: LogEngine;
  readonly #random: Random;
  readonly #added: { readonly id: string; readonly key: string | undefined; readonly n: number }[] = [];

  constructor(jobs: Queue<Input>, engine: LogEngine, random: Random) {
    this.#jobs = jobs;
    this.#engine = engine;
    this.#random = random;
  }

  async add(key: string | undefined): Promise<void> {
    const n = this.#added.length;
    const failures = this.#random.pick([0, 0, 0, 1, 2, 9]);
    const { id } = await this.#jobs.add({ n, failures, durationMs: this.#random.integer(0, 80) }, { key });
    this.#added.push({ id, key, n });
  }

  /** What is left, and which jobs ended in which order, each beside what it has to be. */
  async audit(): Promise<{ readonly left: number; readonly found: unknown; readonly expected: unknown }> {
    const dead = new Set((await Array.fromAsync(this.#jobs.dead.list())).map(({ id }) => id));
    const { events } = await this.#engine.read({ log: "ends", after: 0, limit: 10_000 });
    const ended = events.map(({ stream, data }) => ({ stream, n: Number(data) }));
    const done = this.#added.filter(({ id }) => !dead.has(id)).map(({ id, key, n }) => ({ stream: key ?? id, n }));
    return { left: (await this.#jobs.status()).depth, found: inOrderOfStream(ended), expected: inOrderOfStream(done) };
  }
}

/** Sorts by stream and leaves the order within each as it is. */
function inOrderOfStream<T extends { readonly stream: string }>(ends: readonly T[]): readonly T[] {
  return ends.toSorted((left, right) => (left.stream < right.stream ? -1 : left.stream > right.stream ? 1 : 0));
}

test("whatever is added, closed, killed and retried: every job ends once, keys keep their order, and nobody overlaps", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.nat(), async (steps, seed) => {
      const clock = manualClock();
      const random = seededRandom(seed);
      await using engine = await openMemoryEngine({ clock });
      const fleet = new Fleet(engine, clock, random);
      const ledger = new Ledger(await openQueue({ engine, queue: definition, random }), engine, random);
      for (const one of steps) {
        if (one.kind === "add") await ledger.add(one.key);
        else if (one.kind === "wait") await clock.advance(one.ms);
        else if (one.kind === "start") await fleet.start();
        else if (one.kind === "stop") await fleet.stopOne();
        else fleet.crashOne();
      }
      await fleet.start();
      await clock.advance(60_000);
      const { left, found, expected } = await ledger.audit();
      expect([left, fleet.overlaps]).toEqual([0, 0]);
      expect(found).toEqual(expected);
      await fleet.stopAll();
    }),
    { numRuns: runs },
  );
});
