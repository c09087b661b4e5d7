import type { Clock } from "ashlar/clock";
import type { SqliteEngine } from "ashlar/engine/sqlite";
import type { Job, Queue, StoredJob, Worker } from "ashlar/queue";
import type { Random } from "ashlar/random";
import type { NodeHost, World } from "ashlar/simulation";
import type { BedEngine, BedKind } from "./bed.ts";

/** A job of the proof. */
export interface Input {
  readonly n: number;
  readonly kind: "plain" | "once" | "fails" | "poison" | "kills" | "transaction" | "at most once" | "asked";
  readonly key?: string;
  readonly workMs: number;
  /** How often it fails or kills. */
  readonly times: number;
  readonly delayMs?: number;
  /** Added with a dedup key, by two calls at once. */
  readonly twice?: "yes";
}

const inputsCount = 16;

export function inputs(random: Random, kind: BedKind): readonly Input[] {
  return Array.from({ length: inputsCount }, (_, n): Input => {
    const kinds = ["plain", "plain", "once", "once", "fails", "poison", "kills", "at most once"] as const;
    const drawn = random.pick([...kinds, kind === "memory" ? "plain" : "transaction"] as const);
    const times = drawn === "kills" ? random.pick([1, 1, 2, 99]) : random.integer(1, 5);
    const workMs = random.pick([0, 5, 50, 300, 2_500]);
    const key = random.pick([undefined, "red", "red", "blue"]);
    return {
      n,
      kind: drawn,
      workMs,
      times,
      ...(key === undefined ? {} : { key }),
      ...(random.next() < 0.2 ? { delayMs: random.integer(1, 3_000) } : {}),
      ...(random.next() < 0.2 ? { twice: "yes" } : {}),
    };
  });
}

/** One handling of a job. */
export interface JobHandling {
  readonly queue: string;
  readonly id: string;
  readonly input: Input;
  readonly attempt: number;
  readonly crashes: number;
  readonly by: string;
  readonly startedAt: number;
  endedAt: number | undefined;
  /** `undefined`: its process died. */
  end: "returned" | "threw" | "lost" | undefined;
}

/** What a proof of queues has seen. Times count the records, so that no two are the same. */
export class QueueHistory {
  readonly handlings: JobHandling[] = [];
  readonly charges: { readonly id: string; readonly key: string }[] = [];
  /** What `add` has answered, by input. */
  readonly added = new Map<number, string>();
  readonly attempted: number[] = [];
  readonly answers: Input[] = [];
  readonly violations: string[] = [];
  readonly redriven = new Set<string>();
  deadFirst: readonly StoredJob<Input>[] = [];
  readonly inputs: readonly Input[];
  readonly #world: World;
  #next = 0;
  #moment = 0;

  constructor(world: World, list: readonly Input[]) {
    this.#world = world;
    this.inputs = list;
  }

  async migrate(engine: BedEngine): Promise<void> {
    const sql = "create table done(n integer not null) strict";
    await (engine as SqliteEngine).migrate("proof", [{ name: "done", sql }]);
  }

  started(host: NodeHost, job: Job<Input>, queue: string): JobHandling {
    const { id, input, attempt, crashes } = job;
    const by = `${host.name} ${host.epoch}`;
    const startedAt = ++this.#moment;
    const handling: JobHandling = {
      queue,
      id,
      input,
      attempt,
      crashes,
      by,
      startedAt,
      endedAt: undefined,
      end: undefined,
    };
    if (crashes > 0) this.#world.sometimes("a suspect ran");
    this.handlings.push(handling);
    return handling;
  }

  ended(handling: JobHandling, end: NonNullable<JobHandling["end"]>): void {
    if (handling.end !== undefined) return;
    handling.end = end;
    handling.endedAt = ++this.#moment;
  }

  charge({ id, input }: Job<Input>, key: string): number {
    this.charges.push({ id, key });
    return input.n;
  }

  done({ id, input, key }: Job<Input>): { readonly type: string; readonly data: string } {
    return { type: "Done", data: JSON.stringify({ id, n: input.n, key }) };
  }

  /** The next input that nobody has begun to add. One whose producer died in the middle may be there or not. */
  nextInput(): Input | undefined {
    return this.inputs[this.#next++];
  }

  async add(input: Input, queue: Queue<Input, number>, clock: Clock): Promise<void> {
    const { n, delayMs, twice } = input;
    const dedup = twice === "yes" ? { key: `input ${n}`, forMs: 3_600_000 } : undefined;
    this.attempted.push(n);
    for (;;) {
      try {
        const calls = Array.from({ length: twice === "yes" ? 2 : 1 }, () => queue.add(input, { delayMs, dedup }));
        const answers = await Promise.allSettled(calls);
        const told = answers.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
        const [answer] = told;
        if (answer === undefined) throw answers.find((one) => one.status === "rejected")?.reason;
        this.added.set(n, answer.id);
        if (told.some(({ status }) => status === "existing")) this.#world.sometimes("a duplicate add");
        return;
      } catch (error) {
        if (error instanceof Error && error.name === "QueueFullError") this.#world.sometimes("the queue was full");
        await clock.sleep(100);
      }
    }
  }

  answered(input: Input): void {
    this.answers.push(input);
    this.#world.sometimes("asked and answered");
  }

  sample(
    { state }: Worker,
    { concurrency, prefetch }: { readonly concurrency: number; readonly prefetch: number },
  ): void {
    if (state.running > concurrency || state.prefetched > prefetch)
      this.violations.push(`a worker runs ${state.running} and holds ${state.prefetched}`);
  }

  dead(dead: readonly StoredJob<Input>[]): void {
    this.deadFirst = dead;
    for (const { reason } of dead) this.#world.sometimes(`dead by ${reason ?? "?"}`);
    if (dead.some(({ reason }) => reason === "crashed")) this.#world.sometimes("dead by crashes");
  }

  redrive(ids: readonly string[]): void {
    for (const id of ids) this.redriven.add(id);
    this.#world.sometimes("redriven");
  }
}
