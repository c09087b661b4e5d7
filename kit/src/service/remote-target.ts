import { balancer, type Balancer, type Endpoint, type NotPickedReason, type Picked } from "../balancer/mod.ts";
import type { Clock } from "../clock/mod.ts";
import { OutcomeUnknownError, UnavailableError } from "../contract/mod.ts";
import type { Random } from "../random/mod.ts";
import type { Directory } from "../registry/mod.ts";
import { fixedDelay, retry, retryBudget, type RetryLayer } from "../resilience/mod.ts";
import { LinkError, type Links } from "./link.ts";

/** What a way to other processes is made of. */
export interface RemoteOptions {
  readonly directory: Directory;
  readonly links: Links;
  readonly clock: Clock;
  readonly random: Random;
  readonly nextId: () => string;
  /** Where this process stands; calls prefer instances of the same zone. */
  readonly zone?: string | undefined;
  /** How long a call waits, within its deadline, for an instance that can be reached. Default 5 s. */
  readonly patienceMs?: number | undefined;
}

/** Which instance an attempt may go to. */
export interface RemotePick {
  readonly affinity: string | undefined;
  /** Instances that the same call was sent to. */
  readonly tried: readonly string[];
  /** Streams and waiting reads are as long as they are: their time says nothing, and would make an instance look slow. */
  readonly length: "call" | "long";
}

/** Nobody could be reached: whoever starts or restarts is there in a moment. To callers an UnavailableError as any other. */
export class NobodyThereError extends UnavailableError {
  override get name(): string {
    return UnavailableError.name;
  }
}

/** The instances of one service elsewhere, which of them an attempt goes to, and what is tried again. */
export class RemoteTarget implements Disposable {
  readonly options: RemoteOptions;
  /** For all calls to the service, so that extra attempts are at most a fifth of them, and ten saved up. */
  readonly retry: RetryLayer;
  readonly #calls: Balancer;
  readonly #long: Balancer;
  readonly #following: Disposable;

  constructor(service: string, options: RemoteOptions) {
    const { directory, clock, zone, patienceMs = 5_000 } = options;
    const random = options.random.stream(service);
    this.options = options;
    this.#calls = balancer({ name: service, clock, random, zone });
    const algorithm = "two-choices";
    this.#long = balancer({ name: `${service} streams`, algorithm, ejection: "off", clock, random, zone });
    this.#following = directory.follow(service, (endpoints) => this.#update(endpoints));
    this.retry = retry({
      attemptsMax: 3,
      budget: retryBudget({ ratio: 0.2, reserve: 10 }),
      // Elsewhere, so at once; and what one instance says of its time is nothing about another.
      delay: fixedDelay(0),
      retryAfter: "ignore",
      on: (ended) => !ended.ok && mayRepeat(ended.error),
      patience: {
        on: (ended) => !ended.ok && ended.error instanceof NobodyThereError,
        withinMs: patienceMs,
        watch: (onNews) => this.#long.watch(onNews),
      },
    });
  }

  /** The report of the balancer. */
  describe(): ReturnType<Balancer["describe"]> {
    return this.#calls.describe();
  }

  /** An instance for one attempt. Throws NobodyThereError. */
  pick(operation: string, { affinity: key, tried, length }: RemotePick): Picked {
    const among = this.#among(length);
    let pick = among.pick({ key, except: tried });
    // When all were tried, one of them again: a process that restarts has the same place.
    if (pick.kind === "none" && pick.reason === "excluded") pick = among.pick({ key });
    if (pick.kind === "none") throw new NobodyThereError(operation, nobodyThere[pick.reason]);
    return pick;
  }

  /** Whether there is an instance besides those. */
  hasOther({ tried, length }: RemotePick): boolean {
    using pick = this.#among(length).pick({ except: tried });
    return pick.kind === "picked";
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]();
  }

  #among(length: RemotePick["length"]): Balancer {
    return length === "call" ? this.#calls : this.#long;
  }

  #update(endpoints: readonly Endpoint[]): void {
    this.#calls.update(endpoints);
    // The last, so that whoever waits for news finds them in both.
    this.#long.update(endpoints);
  }
}

/** Why there is nobody to call, for people who read a log. */
const nobodyThere: Readonly<Record<NotPickedReason, string>> = {
  "no-endpoint": "no process that runs it is known",
  "all-down": "every process that runs it is down",
  draining: "every process that runs it is about to end",
  excluded: "every process that runs it was tried",
  "unknown-subset": "no process that runs it is of the subset asked for",
};

/** What was certainly not begun may be repeated, whatever it is; what was sent, when its semantics allow it. */
function mayRepeat(error: unknown): boolean {
  if (error instanceof OutcomeUnknownError) return error.retryable && error.cause instanceof LinkError;
  return error instanceof UnavailableError && !(error instanceof NobodyThereError);
}
