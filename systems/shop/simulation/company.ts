import type { Clock } from "ashlar/clock";
import type { Random } from "ashlar/random";
import type { World } from "ashlar/simulation";
import {
  fates,
  nearReplyMs,
  OutageError,
  type FaultMode,
  type Outside,
  type OutsideBooks,
  type OutsideReply,
  type OutsideRequest,
} from "../outside/mod.ts";

interface Effect {
  readonly reference: string;
  readonly kind: string;
  readonly subject: string;
  readonly amountMinor: number;
}

/** Longest way of a request or reply. */
const wayMaxMs = 15;
const repliesLost = 0.02;
const forEverMs = 3_600_000;

/**
 * A company of the outside world that no crash of ours touches: what it has done is done. Requests and replies take time and get lost, and
 * for as long as it is `silent` it answers nobody, whether it does what it is asked or not.
 */
export class SimulatedCompany {
  readonly #world: World;
  readonly #name: string;
  readonly #fateOf: ReturnType<typeof fates>;
  readonly #random: Random;
  readonly #effects = new Map<string, Effect>();
  readonly #outages = new Map<string, number>();
  mood: "answers" | "silent" = "answers";

  constructor(world: World, name: string, settings: { readonly faults: FaultMode; readonly seed: number }) {
    this.#world = world;
    this.#name = name;
    this.#fateOf = fates(settings.faults, settings.seed, name);
    this.#random = world.random(`company ${name}`);
  }

  /** The company as one process of ours reaches it. */
  open(clock: Clock): Outside {
    return {
      service: { replyWithinMs: nearReplyMs, request: (request) => this.#request(request, clock) },
      books: this.books,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  readonly books: OutsideBooks = {
    totals: (kind) => {
      const entries = [...this.#of(kind)];
      const amountMinor = entries.reduce((sum, effect) => sum + effect.amountMinor, 0);
      const subjects = new Set(entries.map(({ subject }) => subject)).size;
      return Promise.resolve({ effects: entries.length, amountMinor, repeated: entries.length - subjects });
    },
    has: (kind, subject) => Promise.resolve(this.#effects.has(`${kind}/${subject}`)),
    entries: (kind) => this.#entries(kind),
  };

  async #request(request: OutsideRequest, clock: Clock): Promise<OutsideReply> {
    const { kind, key, signal, subject } = request;
    await clock.sleep(this.#random.next() * wayMaxMs, { signal });
    const isHeard = this.mood === "answers" || this.#random.next() < 0.5;
    const isFirst = !this.#effects.has(key);
    const reply = isHeard ? this.#answer(request) : undefined;
    if (this.mood === "silent" || this.#random.next() < repliesLost) {
      this.#world.sometimes(`${this.#name}: no reply`);
      await clock.sleep(forEverMs, { signal });
    }
    if (reply === undefined) throw new OutageError(kind);
    const stallMs = isFirst && this.#effects.has(key) ? this.#fateOf(kind, subject).stallMs : 0;
    await clock.sleep(this.#random.next() * wayMaxMs + stallMs, { signal });
    return reply;
  }

  /** `undefined`: this attempt found nobody. */
  #answer({ kind, subject, key, amountMinor }: OutsideRequest): OutsideReply | undefined {
    const known = this.#effects.get(key);
    if (known !== undefined) {
      this.#world.sometimes(`${this.#name}: asked again`);
      return { status: "done", reference: known.reference };
    }
    const { outages, refusal } = this.#fateOf(kind, subject);
    const attempts = (this.#outages.get(key) ?? 0) + 1;
    this.#outages.set(key, attempts);
    if (attempts <= outages) return undefined;
    if (refusal !== undefined) return { status: "refused", reason: refusal };
    const reference = `${kind}-${this.#effects.size + 1}`;
    this.#effects.set(key, { reference, kind, subject, amountMinor });
    return { status: "done", reference };
  }

  async *#entries(kind: string): AsyncGenerator<Effect> {
    yield* this.#of(kind);
  }

  *#of(kind: string): Generator<Effect> {
    for (const effect of this.#effects.values()) if (effect.kind === kind) yield effect;
  }
}
