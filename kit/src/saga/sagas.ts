import { jsonCodec } from "../codec/mod.ts";
import {
  type Change,
  type CommitResult,
  type Committer,
  DurabilityError,
  type Engine,
  type Receipt,
  RefusedError,
  survives,
} from "../engine/mod.ts";
import { ConfigError, DisposedError, integerIn, textOf } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import type { AnySaga, SagaOf } from "./context.ts";
import { RunExistsError } from "./errors.ts";
import { forkRun, type ForkOptions } from "./fork.ts";
import type { Probe } from "./host.ts";
import { inspectRun, listRuns, type ListQuery, type RunReport, type RunSummary } from "./inspect.ts";
import { Journal } from "./journal.ts";
import { askedFor } from "./commands.ts";
import { deliver, type Delivery, type DeliveryOptions } from "./letters.ts";
import type { Letter } from "./mailbox.ts";
import type { RunOutcome } from "./outcome.ts";
import { Results, type ResultOptions } from "./results.ts";
import { parseRecord, runCell } from "./run-record.ts";
import { type Lane, Runtime } from "./runtime.ts";
import { approvalSignal } from "./saga-context.ts";
import type { SignalDefinition } from "./signal.ts";
import { isSameInput, isSameJson, newHeader, startChangesOf } from "./start-run.ts";

/** What {@link openSagas} binds, and its bounds. */
export interface SagasOptions {
  readonly engine: Engine;
  /** Definitions; several versions of one name, so that runs in flight end as they began. */
  readonly sagas: readonly AnySaga[];
  /** Runs in progress at once, in this process; those that sleep are not counted. 1 to 100 000; default 64. */
  readonly concurrency?: number | undefined;
  /** Draws the jitter of retries. */
  readonly random?: Random | undefined;
  /** How long disposal waits for steps in progress. Default 10 s; what still runs then is left to the lease. */
  readonly drainMs?: number | undefined;
  /** Unfinished runs of one saga at most; `start` throws RefusedError (`queue-full`) beyond. Default 1 000 000. */
  readonly depthMax?: number | undefined;
  /** Only for tests. */
  readonly probe?: Probe | undefined;
}

/** What belongs to a start beside its input. */
export interface StartOptions {
  /** Starts the run in this transaction; it is claimed once that has committed. */
  readonly in?: Committer | undefined;
  /** Further changes of the same commit. */
  readonly also?: readonly Change[] | undefined;
  /** For `list`. */
  readonly tags?: readonly string[] | undefined;
}

/** A run, finished or not. */
export interface Run<Output> {
  readonly saga: string;
  readonly id: string;
  /** Waits for the end of the run, in whichever process. Cheap in this one; elsewhere by the store's bell. */
  result(options?: ResultOptions): Promise<RunOutcome<Output>>;
}

/** Sagas bound to an engine, and an executor of their runs. */
export interface Sagas extends AsyncDisposable {
  /** Starts a run durably. The same id with the same input gives the same run, also when it has finished; another input throws RunExistsError. */
  start<Input, Output>(
    definition: SagaOf<Input, Output>,
    id: string,
    ...begin: [input: Input, options?: StartOptions]
  ): Promise<Run<Output>>;
  /** The changes that start a run, for a commit of the caller's own; refused (`cell-conflict`) when the id is taken. */
  startChanges<Input, Output>(definition: SagaOf<Input, Output>, id: string, input: Input): readonly Change[];
  run<Input, Output>(definition: SagaOf<Input, Output>, id: string): Run<Output>;
  /** Sends a signal; it is kept until the run takes it. `dedupId`: sent again, it is dropped. */
  signal<Payload>(
    definition: AnySaga,
    id: string,
    ...sent: [signal: SignalDefinition<Payload>, payload: Payload, options?: DeliveryOptions]
  ): Promise<Delivery>;
  approve(definition: AnySaga, id: string, decision: Decision): Promise<Delivery>;
  reject(definition: AnySaga, id: string, decision: Decision): Promise<Delivery>;
  /** Asks a run to stop and compensate. One that has not ended when this is delivered obeys. */
  cancel(definition: AnySaga, id: string, reason: string): Promise<Delivery>;
  list(query?: ListQuery): AsyncIterable<RunSummary>;
  /** Everything known about a run; undefined when there is none. */
  inspect(definition: AnySaga, id: string): Promise<RunReport | undefined>;
  /** Lets a run that needs attention try again, with its attempts counted anew. */
  retry(definition: AnySaga, id: string): Promise<Delivery>;
  /** Answers for a step (or, as `undo:<step>`, a compensation) that is in doubt: it is what the run has stopped at, it has failed, or
   *  nobody knows how its attempt ended. It counts as done without a result. `duplicate`: it has an answer already. Any other
   *  step is refused with SagaUsageError. */
  skip(definition: AnySaga, id: string, step: string): Promise<Delivery>;
  /** Answers for a step in doubt with a result. */
  resolve(definition: AnySaga, id: string, ...answer: [step: string, result: unknown]): Promise<Delivery>;
  /** Starts a new run with the input of an old one and the journal before `fromStep`. */
  fork<Input, Output>(definition: SagaOf<Input, Output>, id: string, options: ForkOptions): Promise<Run<Output>>;
  /** Stops claiming, lets steps in progress finish (at most `drainMs`) and gives the runs back. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A person's decision about an approval. */
export interface Decision {
  /** The approval's name. */
  readonly name: string;
  readonly by?: string | undefined;
  readonly note?: string | undefined;
}

const codec = jsonCodec<unknown>();

/** Binds sagas to an engine and begins to execute their runs, also those that other processes have left. Throws ConfigError and DurabilityError. */
export async function openSagas(options: SagasOptions): Promise<Sagas> {
  return new BoundSagas(options);
}

class BoundSagas implements Sagas {
  readonly #engine: Engine;
  readonly #runtime: Runtime;
  readonly #results: Results;
  readonly #lanes: ReadonlyMap<string, Lane>;
  readonly #drainMs: number;
  readonly #depthMax: number;
  /** Inputs of runs that were started in somebody's transaction, which nobody else can see before it commits. */
  readonly #startedIn: WeakMap<Committer, Map<string, string>> = new WeakMap();
  #disposal: Promise<void> | undefined;

  constructor(options: SagasOptions) {
    const { engine, random = systemRandom, probe } = options;
    this.#engine = engine;
    this.#lanes = lanesOf(engine, options.sagas);
    this.#drainMs = integerIn("drainMs", options.drainMs ?? 10_000, { min: 0, max: 86_400_000 });
    this.#depthMax = integerIn("depthMax", options.depthMax ?? 1_000_000, { min: 1 });
    const concurrency = integerIn("concurrency", options.concurrency ?? 64, { min: 1, max: 100_000 });
    this.#results = new Results(engine, {
      isHere: (key) => this.#runtime.isHere(key),
      knows: (saga, version) => this.#lanes.get(saga)?.definitions.has(version) === true,
    });
    const ended = this.#results.ended.bind(this.#results);
    this.#runtime = new Runtime({ engine, random, concurrency, probe, ended }, this.#lanes);
    this.#runtime.open();
  }

  async start<Input, Output>(
    definition: SagaOf<Input, Output>,
    id: string,
    ...begin: [input: Input, options?: StartOptions]
  ): Promise<Run<Output>> {
    const [input, options = {}] = begin;
    if (this.#disposal !== undefined) throw new DisposedError("the sagas");
    const inputText = this.#checked(definition, id, input);
    const { also, tags } = options;
    // A run that another transaction starts is not ours before that has committed.
    const isEager = options.in === undefined && this.#runtime.reserve(definition.name) === "reserved";
    const request = {
      id,
      inputText,
      nowMs: this.#engine.clock.now(),
      tags,
      depthMax: this.#depthMax,
      claimForMs: isEager ? this.#lanes.get(definition.name)?.leaseMs : undefined,
    };
    const header = newHeader(definition, request);
    let receipt: Receipt | undefined;
    const askedAtMs = this.#engine.clock.monotonic();
    try {
      const changes = startChangesOf(definition, request, header);
      const result = await (options.in ?? this.#engine).commit(also === undefined ? changes : [...changes, ...also]);
      if (!result.committed) {
        const found = await this.#existing(definition, id, { inputText, refused: result, in: options.in });
        return found ?? (await this.start(definition, id, input, options));
      }
      if (options.in !== undefined) this.#noteStart(options.in, [definition.name, id], inputText);
      const [, message] = result.outcomes;
      receipt = message?.op === "enqueue" ? message.messages[0]?.receipt : undefined;
    } finally {
      if (isEager && receipt === undefined) this.#runtime.free();
    }
    if (receipt !== undefined)
      this.#runtime.execute(
        definition,
        new Journal(
          { saga: definition.name, id },
          { ...header, messageId: receipt.id },
          { pages: [], tail: [], inputText },
        ),
        { receipt, askedAtMs },
      );
    return this.run(definition, id);
  }

  startChanges<Input, Output>(definition: SagaOf<Input, Output>, id: string, input: Input): readonly Change[] {
    const inputText = this.#checked(definition, id, input);
    return startChangesOf(definition, { id, inputText, nowMs: this.#engine.clock.now(), depthMax: this.#depthMax });
  }

  run<Input, Output>(definition: SagaOf<Input, Output>, id: string): Run<Output> {
    const saga = definition.name;
    const result = (options?: ResultOptions) => this.#results.wait(saga, id, options) as Promise<RunOutcome<Output>>;
    return { saga, id, result };
  }

  async signal<Payload>(
    definition: AnySaga,
    id: string,
    ...sent: [signal: SignalDefinition<Payload>, payload: Payload, options?: DeliveryOptions]
  ): Promise<Delivery> {
    const [signal, payload, options = {}] = sent;
    const parsed = signal.parse(payload);
    codec.encode(parsed);
    return await this.#deliver(definition, id, [{ kind: "signal", name: signal.name, payload: parsed }, options]);
  }

  async approve(definition: AnySaga, id: string, decision: Decision): Promise<Delivery> {
    return await this.#deliver(definition, id, [decisionLetter("approved", decision)]);
  }

  async reject(definition: AnySaga, id: string, decision: Decision): Promise<Delivery> {
    return await this.#deliver(definition, id, [decisionLetter("rejected", decision)]);
  }

  async cancel(definition: AnySaga, id: string, reason: string): Promise<Delivery> {
    return await this.#deliver(definition, id, [{ kind: "cancel", reason }]);
  }

  list(query: ListQuery = {}): AsyncIterable<RunSummary> {
    return listRuns(this.#engine, [...this.#lanes.keys()], query);
  }

  async inspect(definition: AnySaga, id: string): Promise<RunReport | undefined> {
    return await inspectRun(this.#engine, definition.name, id);
  }

  async retry(definition: AnySaga, id: string): Promise<Delivery> {
    return await this.#deliver(definition, id, [{ kind: "retry" }]);
  }

  async skip(definition: AnySaga, id: string, step: string): Promise<Delivery> {
    return await this.#answer(definition, id, { kind: "skip", step });
  }

  async resolve(definition: AnySaga, id: string, ...answer: [step: string, result: unknown]): Promise<Delivery> {
    const [step, result] = answer;
    codec.encode(result);
    return await this.#answer(definition, id, { kind: "resolve", step, result });
  }

  async fork<Input, Output>(definition: SagaOf<Input, Output>, id: string, options: ForkOptions): Promise<Run<Output>> {
    await forkRun(this.#engine, definition, { id, ...options });
    return this.run(definition, options.newId);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposal ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    await this.#runtime.close(this.#drainMs);
    this.#results.close();
  }

  #checked(definition: AnySaga, id: string, input: unknown): string {
    textOf("id", id, { lengthMax: 400 });
    if (!this.#lanes.get(definition.name)?.definitions.has(definition.version))
      throw new ConfigError(
        "definition",
        `${definition.name} ${definition.version}`,
        "a saga that openSagas was given",
      );
    return codec.encode(definition.rules.parse(input));
  }

  #noteStart(committer: Committer, run: readonly [saga: string, id: string], inputText: string): void {
    const started = this.#startedIn.get(committer) ?? new Map<string, string>();
    this.#startedIn.set(committer, started.set(JSON.stringify(run), inputText));
  }

  /** The id is taken: by the same start, sent again, or by another. Undefined when it has become free meanwhile. */
  async #existing<Input, Output>(
    definition: SagaOf<Input, Output>,
    id: string,
    start: {
      readonly inputText: string;
      readonly refused: CommitResult & { readonly committed: false };
      readonly in: Committer | undefined;
    },
  ): Promise<Run<Output> | undefined> {
    const { inputText, refused, in: committer } = start;
    if (refused.index !== 0) throw new RefusedError(refused.refusal);
    const [cell] = await this.#engine.get([runCell(definition.name, id)]);
    if (cell === undefined) {
      if (committer === undefined) return undefined;
      const started = this.#startedIn.get(committer)?.get(JSON.stringify([definition.name, id]));
      if (started === undefined || !isSameJson(started, inputText)) throw new RunExistsError(definition.name, id);
      return this.run(definition, id);
    }
    const { header } = parseRecord(cell.value);
    if (!(await isSameInput(this.#engine, { saga: definition.name, id, header }, inputText)))
      throw new RunExistsError(definition.name, id);
    return this.run(definition, id);
  }

  async #answer(
    definition: AnySaga,
    id: string,
    letter: Extract<Letter, { kind: "skip" | "resolve" }>,
  ): Promise<Delivery> {
    if (askedFor(await this.inspect(definition, id), letter.step) === "answered") return "duplicate";
    return await this.#deliver(definition, id, [letter]);
  }

  async #deliver(
    definition: AnySaga,
    id: string,
    sent: [letter: Letter, options?: DeliveryOptions],
  ): Promise<Delivery> {
    if (this.#disposal !== undefined) throw new DisposedError("the sagas");
    return await deliver(this.#engine, { saga: definition.name, id }, ...sent);
  }
}

function decisionLetter(decided: "approved" | "rejected", decision: Decision): Letter {
  const { name, by, note } = decision;
  return { kind: "signal", name: approvalSignal(name), payload: { approved: decided === "approved", by, note } };
}

function lanesOf(engine: Engine, definitions: readonly AnySaga[]): ReadonlyMap<string, Lane> {
  const lanes = new Map<string, Lane>();
  for (const definition of definitions) {
    const { name, version, rules } = definition;
    if (rules.requires !== undefined && !survives(engine.can.durability, rules.requires))
      throw new DurabilityError(`saga "${name}"`, rules.requires, engine.can.durability);
    const others = lanes.get(name);
    if (others?.definitions.has(version) === true)
      throw new ConfigError("sagas", `${name} ${version}`, "each version of a saga once");
    lanes.set(name, {
      name,
      definitions: new Map([...(others?.definitions ?? []), [version, definition]]),
      leaseMs: Math.max(rules.leaseMs, others?.leaseMs ?? 0),
      isLooking: false,
      looksAgain: false,
      isStarved: false,
      yields: false,
      timer: undefined,
      extending: undefined,
    });
  }
  return lanes;
}
