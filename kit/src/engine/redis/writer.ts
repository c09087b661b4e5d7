import { systemClock } from "../../clock/mod.ts";
import { OutcomeUnknownError, type RedisReply } from "../../drivers/redis/mod.ts";
import type { Random } from "../../random/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import { CallLine, type WaitingCall } from "../call-line.ts";
import type { BellTopic } from "../engine.ts";
import { StorageError } from "../errors.ts";
import { Topics } from "../topics.ts";
import { bytesOf, type Call, weightOf } from "./calls.ts";
import { askOnce, type Dataset, listOf, readServerClock } from "./dataset.ts";
import { readAnswer } from "./decode.ts";
import { addCall } from "./encode.ts";
import { engineFault, lostData, mayPass, olderData } from "./faults.ts";
import { scripts } from "./scripts.ts";

const commits = telemetryChannel("ashlar.engine.commit");

/** What a writer needs. */
export interface WriterParts {
  readonly dataset: Dataset;
  readonly random: Random;
  readonly waitingMax: number;
  /** Longest that a call waits for a server that is away. */
  readonly busyMaxMs: number;
  readonly whenCommitted: (topics: ReadonlySet<BellTopic>) => void;
}

interface Operation {
  readonly calls: readonly Call[];
  readonly number: number;
  /** `unknown`: it was sent, and nobody can say whether it was done. */
  fate: "not done" | "unknown";
}

// Changes in one call of the server, unless one list alone has more: about 10 ms in which it serves nobody else.
const weightMax = 1_000;
const bytesMax = 8_388_608;

/** Carries out what waits, one call of the server at a time: all that comes meanwhile shares the next one. */
export class Writer {
  readonly #parts: WriterParts;
  /** By which the server knows this engine's operations. */
  readonly #instance: string;
  readonly #line: CallLine<Call>;
  #operations = 0;
  /** How many writing calls the data set knew of when it answered last, and the server's run that it was on. */
  #known = 0;
  #run: string;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#run = parts.dataset.run;
    this.#instance = parts.random.integer(0, Number.MAX_SAFE_INTEGER).toString(36);
    const { waitingMax, dataset } = parts;
    this.#line = new CallLine({
      clock: dataset.clock,
      waitingMax,
      groupsMax: 1,
      portion,
      carryOut: (group) => this.#carryOut(group),
    });
  }

  /** Carries out a call in its turn, and resolves once the server has. Rejects with StorageError, and then nothing of it was applied, or with
   *  OutcomeUnknownError. */
  async submit<C extends Call>(call: C): Promise<Exclude<NonNullable<C["answer"]>, StorageError>> {
    await this.#line.submit(call);
    const { answer } = call;
    if (answer === undefined) throw new Error("a call that was carried out has an answer");
    if (answer instanceof StorageError) throw answer;
    return answer as Exclude<NonNullable<C["answer"]>, StorageError>;
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    return this.#line.idle();
  }

  /** Each call learns its own outcome. */
  async #carryOut(group: readonly WaitingCall<Call>[]): Promise<"done" | "away"> {
    const startedMs = systemClock.monotonic();
    const operation: Operation = { calls: group.map(({ call }) => call), number: ++this.#operations, fate: "not done" };
    const failed = await this.#persist(operation);
    if (failed === undefined) {
      for (const { settled } of group) settled.open();
      publish(operation.calls, systemClock.monotonic() - startedMs, "committed");
      return "done";
    }
    publish(operation.calls, 0, "failed");
    for (const { settled } of group) settled.fail(failed.error);
    return failed.because === "away" ? "away" : "done";
  }

  /** Until it is done, refused by the server, or `busyMaxMs` have passed. What may have been done is sent again under its number, and not done twice. */
  async #persist(operation: Operation): Promise<Failed | undefined> {
    const { busyMaxMs, random } = this.#parts;
    const untilMs = systemClock.monotonic() + busyMaxMs;
    for (let attempts = 0; ; attempts++) {
      try {
        if ((await this.#attempt(operation)) === "done") return undefined;
      } catch (error) {
        if (error instanceof OutcomeUnknownError) operation.fate = "unknown";
        else if (!mayPass(error)) return { error: judged(error, operation), because: "refused" };
        if (systemClock.monotonic() >= untilMs) return { error: judged(error, operation), because: "away" };
        await systemClock.sleep(random.next() * Math.min(200, 2 ** attempts));
      }
    }
  }

  async #attempt({ calls, number, fate }: Operation): Promise<"done" | "again"> {
    const { dataset } = this.#parts;
    const { database, meta, epoch, clock, serverClock } = dataset;
    // A reading that is lost is taken at the next group.
    if (serverClock?.isStale === true) void readServerClock(dataset).catch(() => undefined);
    const nowMs = clock.now();
    const before = fate === "unknown" ? "1" : "0";
    const words = [epoch, String(nowMs), this.#run, this.#instance, String(number), before, String(calls.length)];
    for (const call of calls) addCall(words, call, nowMs);
    const [kind, known, answers] = listOf(await database.run(scripts.write, { keys: [meta], values: words }));
    if (kind === "LOST") throw lostData(dataset.keys);
    if (kind === "RUN") return this.#adopt();
    this.#known = Number(known);
    this.#take(calls, listOf(answers), nowMs);
    return "done";
  }

  /** The server is another one than the data set was written on, or was started anew. */
  async #adopt(): Promise<"again"> {
    const { dataset } = this.#parts;
    const [run, known] = await askOnce(dataset, scripts.adopt, []);
    const missing = this.#known - Number(known);
    this.#known = Number(known);
    this.#run = String(run);
    if (missing > 0) throw olderData(dataset.keys, missing);
    return "again";
  }

  #take(calls: readonly Call[], answers: readonly RedisReply[], nowMs: number): void {
    const topics = new Topics();
    for (const [index, call] of calls.entries()) readAnswer(call, answers[index], { nowMs, topics });
    this.#parts.whenCommitted(topics.all);
  }
}

interface Failed {
  readonly error: unknown;
  readonly because: "refused" | "away";
}

/** What an attempt's fault says of the operation: that this one was refused does not tell what became of one before. That the data set is gone, or older
 *  than the operation, does. */
function judged(error: unknown, { fate }: Operation): unknown {
  if (fate === "not done" || error instanceof StorageError) return engineFault(error);
  return error instanceof OutcomeUnknownError
    ? error
    : new OutcomeUnknownError("a call of the engine", { cause: error });
}

function portion(): (call: Call) => boolean {
  let weight = 0;
  let bytes = 0;
  return (call) => (weight += weightOf(call)) <= weightMax && (bytes += bytesOf(call)) <= bytesMax;
}

function publish(calls: readonly Call[], durationMs: number, outcome: "committed" | "failed"): void {
  if (!commits.active) return;
  let changes = 0;
  for (const call of calls) changes += call.kind === "commit" ? call.changes.length : 0;
  commits.publish({ engine: "redis", lists: calls.length, changes, durationMs, outcome });
}
