import { jsonCodec } from "../codec/mod.ts";
import type { Timer } from "../clock/mod.ts";
import {
  type Change,
  type Claim,
  DurabilityError,
  type Engine,
  RefusedError,
  StorageError,
  survives,
} from "../engine/mod.ts";
import { ConfigError, DisposedError, errorRecord, invariant } from "../errors/mod.ts";
import { type Random, systemRandom } from "../random/mod.ts";
import { type Choreography, type Instance, type Reaction, reacted, type TimeoutMessage } from "./choreography.ts";

/** What became of a message. `ignored`: it concerns no instance, or the table has no reaction. */
export type Handled = "handled" | "duplicate" | "ignored";

/** What belongs to a message beside its content. */
export interface HandleOptions {
  /** Identifies the message: handled again, it changes nothing. */
  readonly id: string;
  /** Further changes of the same commit, such as the settlement of the queue message that brought it. */
  readonly also?: readonly Change[] | undefined;
}

/** What {@link openChoreography} may be given beside the definition. */
export interface ChoreographyBinding {
  /** Tells the lives of an instance apart, so that a timeout of an ended one is known as late. */
  readonly random?: Random | undefined;
}

/** A choreography bound to an engine. */
export interface BoundChoreography<State, Message> extends AsyncDisposable {
  /** Lets the instance of the message react, in one commit; repeats on conflict. Throws RefusedError when one of the further changes is refused. */
  handle(message: Message, options: HandleOptions): Promise<Handled>;
  /** State of an instance; undefined when there is none. */
  state(id: string): Promise<State | undefined>;
}

const leaseMs = 30_000;
const claimsMax = 64;
const backstopMs = 5_000;
// A reaction that throws is retried this often before its timeout goes to the dead letters of `choreography:<name>`.
const attemptsMax = 5;
const retryMs = 1_000;
const codec = jsonCodec<unknown>();

/** Binds a choreography to an engine, and begins to watch its timeouts, also those that other processes have set. Throws DurabilityError. */
export async function openChoreography<State, Message extends { readonly type: string }>(
  engine: Engine,
  definition: Choreography<State, Message>,
  options: ChoreographyBinding = {},
): Promise<BoundChoreography<State, Message>> {
  const { name, requires } = definition;
  if (requires !== undefined && !survives(engine.can.durability, requires))
    throw new DurabilityError(`choreography "${name}"`, requires, engine.can.durability);
  return new Bound(engine, definition, options.random ?? systemRandom);
}

class Bound<State, Message extends { readonly type: string }> implements BoundChoreography<State, Message> {
  readonly #engine: Engine;
  readonly #definition: Choreography<State, Message>;
  readonly #random: Random;
  readonly #place: string;
  readonly #bell: Disposable;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #looksAgain = false;
  #isDisposed = false;

  constructor(engine: Engine, definition: Choreography<State, Message>, random: Random) {
    this.#engine = engine;
    this.#definition = definition;
    this.#random = random;
    this.#place = `choreography:${definition.name}`;
    this.#bell = engine.bell([`queue:${this.#place}`], () => this.#lookSoon());
    this.#lookSoon();
  }

  async handle(message: Message, options: HandleOptions): Promise<Handled> {
    if (this.#isDisposed) throw new DisposedError(this.#place);
    const react = this.#definition.on[message.type];
    const id = this.#definition.correlate(message);
    if (id === undefined || react === undefined) return "ignored";
    const { seenForMs } = this.#definition;
    const { also = [] } = options;
    const seen: Change = { op: "seen", consumer: this.#place, id: options.id, keepMs: seenForMs };
    return await this.#apply(id, { react: (state) => react(state, message as never), changes: [seen, ...also] });
  }

  async state(id: string): Promise<State | undefined> {
    const [cell] = await this.#engine.get([{ space: this.#place, key: id }]);
    return cell === undefined ? undefined : (JSON.parse(cell.value) as Instance<State>).state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#bell[Symbol.dispose]();
    this.#timer?.cancel();
    await this.#looking;
  }

  /** Reads, reacts and writes, until nobody wrote in between. */
  async #apply(
    id: string,
    how: {
      readonly react: (state: State, instance: Instance<State>) => Reaction<State> | undefined;
      readonly changes: readonly Change[];
    },
  ): Promise<Handled> {
    const cell = { space: this.#place, key: id };
    for (;;) {
      const [found] = await this.#engine.get([cell]);
      const instance: Instance<State> =
        found === undefined
          ? {
              life: this.#random.integer(1, Number.MAX_SAFE_INTEGER),
              revision: 0,
              state: this.#definition.initial,
              timeouts: {},
            }
          : (JSON.parse(found.value) as Instance<State>);
      const reaction = how.react(instance.state, instance);
      if (reaction === undefined) return "ignored";
      const next = reacted(instance, id, reaction);
      const value = next.instance === undefined ? undefined : codec.encode(next.instance);
      const result = await this.#engine.commit([
        { op: "put", cell, expect: found?.version ?? "absent", value },
        ...how.changes,
        ...this.#timeoutChanges(next.sent),
        ...(reaction.changes ?? []),
      ]);
      if (result.committed) return "handled";
      if (result.refusal.kind === "already-seen" && result.refusal.consumer === this.#place) return "duplicate";
      if (result.index !== 0) throw new RefusedError(result.refusal);
    }
  }

  #timeoutChanges(sent: readonly (TimeoutMessage & { readonly delayMs: number })[]): readonly Change[] {
    if (sent.length === 0) return [];
    const messages = sent.map(({ delayMs, ...message }) => {
      if (this.#definition.timeouts[message.timeout] === undefined)
        throw new ConfigError(
          "timeouts",
          message.timeout,
          `one of ${Object.keys(this.#definition.timeouts).join(", ")}`,
        );
      return { body: JSON.stringify(message), delayMs };
    });
    return [{ op: "enqueue", queue: this.#place, messages }];
  }

  #lookSoon(): void {
    if (this.#isDisposed) return;
    if (this.#looking !== undefined) {
      this.#looksAgain = true;
      return;
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
      if (this.#looksAgain) this.#lookSoon();
    });
  }

  async #look(): Promise<void> {
    this.#looksAgain = false;
    let delayMs = backstopMs;
    try {
      const { claims, nextDueAtMs } = await this.#engine.claim({ queue: this.#place, count: claimsMax, leaseMs });
      await Promise.all(claims.map(async (claim) => await this.#passed(claim)));
      if (claims.length === claimsMax) this.#looksAgain = true;
      if (nextDueAtMs !== undefined) delayMs = Math.min(delayMs, Math.max(1, nextDueAtMs - this.#engine.clock.now()));
    } catch {
      // The store is busy or closing: claims return when their lease ends, and the timer looks again.
    }
    this.#timer?.cancel();
    if (!this.#isDisposed) this.#timer = this.#engine.clock.setTimer(delayMs, () => this.#lookSoon());
  }

  async #passed(claim: Claim): Promise<void> {
    const message = JSON.parse(claim.body) as TimeoutMessage;
    const ack: Change = { op: "settle", receipt: claim.receipt, as: { kind: "ack" } };
    try {
      const react = (state: State, instance: Instance<State>): Reaction<State> | undefined => {
        // Called off, set anew, or its instance has ended: late.
        if (instance.life !== message.life || instance.timeouts[message.timeout] !== message.revision) return undefined;
        const reaction = this.#definition.timeouts[message.timeout]?.(state);
        return reaction && { ...reaction, timeouts: { [message.timeout]: undefined, ...reaction.timeouts } };
      };
      if ((await this.#apply(message.id, { react, changes: [ack] })) === "ignored") await this.#engine.commit([ack]);
    } catch (error) {
      // A store that refuses for a while is not held against the timeout.
      if (error instanceof StorageError && error.retryable) {
        const later = { kind: "park", delayMs: retryMs } as const;
        await this.#engine.commit([{ op: "settle", receipt: claim.receipt, as: later }]);
        return;
      }
      const failure = JSON.stringify(errorRecord(error));
      invariant(claim.attempt >= 1, "a claim is an attempt");
      const as =
        claim.attempt < attemptsMax
          ? ({ kind: "retry", delayMs: retryMs * 2 ** claim.attempt, failure } as const)
          : ({ kind: "dead", reason: "attempts", failure } as const);
      await this.#engine.commit([{ op: "settle", receipt: claim.receipt, as }]);
    }
  }
}
