/** What one process says of one breaker. */
export interface BreakerVote {
  readonly breaker: string;
  /** Who says it. */
  readonly node: string;
  /** `open`: my calls fail. `withdrawn`: they do no longer. */
  readonly vote: "open" | "withdrawn";
  /** How long it counts from when it is heard: no two clocks are compared. */
  readonly validMs: number;
}

/** Carries votes between processes; best effort, duplicates and losses allowed, since a vote ends by itself. */
export interface VoteBus {
  /** Never throws or rejects; what cannot be sent is lost. */
  publish(vote: BreakerVote): void;
  /** Hears the votes of others; also its own, if the bus cannot tell. */
  subscribe(hear: (vote: BreakerVote) => void): Disposable;
}

/** A bus within one process, which hands a vote to everybody in the turn in which it is published. For tests, and for workers that share a process. */
export function memoryVoteBus(): VoteBus {
  const listeners = new Set<(vote: BreakerVote) => void>();
  return {
    publish(vote) {
      for (const hear of listeners) hear(vote);
    },
    subscribe(hear) {
      listeners.add(hear);
      return { [Symbol.dispose]: () => void listeners.delete(hear) };
    },
  };
}
