import { type Clock, systemClock } from "../clock/mod.ts";
import { integerIn, numberIn, textOf } from "../errors/mod.ts";
import { durationMaxMs } from "./backoff.ts";
import type { Breaker } from "./breaker.ts";
import type { BreakerVote, VoteBus } from "./vote-bus.ts";

/** How breakers of one name vote. */
export interface ShareVotesOptions {
  readonly bus: VoteBus;
  /** This process, one name for each. */
  readonly node: string;
  /** How many processes call the same thing now, this one included: from the registry, or a constant. */
  readonly members: () => number;
  /** The part of the members whose votes open everybody's breaker, above 0 to 1; two votes at least. Default 0.5. */
  readonly quorum?: number | undefined;
  /** How long a vote counts at most, our own and those of others. Default 30 s. */
  readonly validMs?: number | undefined;
  /** Votes kept at most; beyond it the oldest goes. Default 1,000. */
  readonly votesMax?: number | undefined;
  readonly clock?: Pick<Clock, "monotonic"> | undefined;
}

/**
 * Lets processes warn each other. Each breaker stays its own judge: it opens by what it sees itself, says so on the bus, and opens as well when a
 * quorum says so, so that one bad node never closes a service for the others. Each finds out alone, by its own probes, when to close. Off the path
 * of calls: a change of state publishes one message. Disposing withdraws the own vote. Throws ConfigError.
 */
export function shareVotes(breaker: Breaker, options: ShareVotesOptions): Disposable {
  return new Ballot(breaker, options);
}

class Ballot {
  readonly #breaker: Breaker;
  readonly #bus: VoteBus;
  readonly #node: string;
  readonly #members: () => number;
  readonly #quorum: number;
  readonly #validMs: number;
  readonly #votesMax: number;
  readonly #clock: Pick<Clock, "monotonic">;
  /** When each node's vote ends. */
  readonly #votes = new Map<string, number>();
  readonly #held = new DisposableStack();

  constructor(breaker: Breaker, options: ShareVotesOptions) {
    const { bus, node, members, clock = systemClock } = options;
    this.#breaker = breaker;
    this.#bus = bus;
    this.#node = textOf("node", node);
    this.#members = members;
    this.#quorum = numberIn("quorum", options.quorum ?? 0.5, { min: 0.01, max: 1 });
    this.#validMs = numberIn("validMs", options.validMs ?? 30_000, { min: 1, max: durationMaxMs });
    this.#votesMax = integerIn("votesMax", options.votesMax ?? 1_000, { min: 2, max: 100_000 });
    this.#clock = clock;
    this.#held.use(bus.subscribe((vote) => this.#hear(vote)));
    this.#held.use(breaker.watch(({ to, cause }) => this.#tell(to, cause)));
  }

  [Symbol.dispose](): void {
    if (this.#held.disposed) return;
    this.#held.dispose();
    this.#publish("withdrawn");
  }

  /** What others said is not said again as if it had been seen here: an echo would never end. */
  #tell(to: string, cause: string): void {
    if (to === "open" && cause !== "votes") this.#publish("open");
    else if (to === "closed") this.#publish("withdrawn");
  }

  #publish(vote: BreakerVote["vote"]): void {
    this.#count({ node: this.#node, vote, validMs: this.#validMs });
    this.#bus.publish({ breaker: this.#breaker.name, node: this.#node, vote, validMs: this.#validMs });
  }

  #hear(vote: BreakerVote): void {
    if (vote.breaker !== this.#breaker.name || vote.node === this.#node) return;
    this.#count(vote);
    if (vote.vote === "open" && this.#isOutvoted()) this.#breaker.trip("votes");
  }

  #count({ node, vote, validMs }: Pick<BreakerVote, "node" | "vote" | "validMs">): void {
    this.#votes.delete(node);
    if (vote === "withdrawn") return;
    this.#votes.set(node, this.#clock.monotonic() + Math.min(validMs, this.#validMs));
    const [oldest] = this.#votes.keys();
    if (this.#votes.size > this.#votesMax && oldest !== undefined) this.#votes.delete(oldest);
  }

  #isOutvoted(): boolean {
    const nowMs = this.#clock.monotonic();
    for (const [node, endsAtMs] of this.#votes) if (endsAtMs <= nowMs) this.#votes.delete(node);
    return this.#votes.size >= Math.max(2, Math.ceil(this.#members() * this.#quorum));
  }
}
