import {
  failuresKept,
  type ClaimRequest,
  type Discard,
  type NewMessage,
  type Redrive,
  type Settlement,
  type StoredMessage,
  type Wake,
} from "../mod.ts";

/** A message of the model: what inspection shows, and what it does not. */
export interface ModelMessage {
  shown: StoredMessage;
  seq: number;
  token: number;
  woken: boolean;
  /** Also while it waits, when inspection shows none. */
  due: number | undefined;
}

/** What an enqueue gives a message besides its own fields. */
export interface Addition {
  readonly queue: string;
  readonly id: string;
  readonly keyConcurrency: number;
  readonly now: number;
}

const admittedStates: ReadonlySet<string> = new Set(["ready", "suspect", "running", "delayed"]);

/**
 * The messages of all queues in one list, every question answered by looking at all of them. It is the definition in code: slow on
 * purpose, without an index, a counter or a gate that could disagree with the messages themselves.
 */
export class ModelQueues {
  messages: ModelMessage[] = [];
  readonly paused: Set<string> = new Set();
  readonly named: Set<string> = new Set();
  readonly #concurrency: Map<string, number> = new Map();
  #seq = 0;

  find(queue: string, id: string): ModelMessage | undefined {
    return this.messages.find(({ shown }) => shown.queue === queue && shown.id === id);
  }

  inState(queue: string, ...states: readonly string[]): readonly ModelMessage[] {
    return this.messages.filter(({ shown }) => shown.queue === queue && states.includes(shown.state));
  }

  depth(queue: string): number {
    return this.messages.filter(({ shown }) => shown.queue === queue && shown.state !== "dead").length;
  }

  add(message: NewMessage, given: Addition): ModelMessage {
    const { queue, id } = given;
    const { body, headers, key, lane = 0, delayMs = 0, dueAtMs, claimForMs } = message;
    const enqueuedAtMs = given.now;
    const added: ModelMessage = {
      shown: {
        queue,
        id,
        state: "ready",
        body,
        headers,
        key,
        lane,
        attempt: 0,
        crashes: 0,
        enqueuedAtMs,
        dueAtMs: undefined,
        failures: [],
        reason: undefined,
        diedAtMs: undefined,
      },
      seq: ++this.#seq,
      token: 0,
      woken: false,
      due: dueAtMs ?? (delayMs === 0 ? undefined : enqueuedAtMs + delayMs),
    };
    if (key !== undefined) {
      this.#concurrency.set(nameOfKey(queue, key), given.keyConcurrency);
      this.#admitWaiting(queue, key, given.now);
    }
    this.messages.push(added);
    this.#arrive(added, given.now);
    if (claimForMs !== undefined && !this.paused.has(queue)) this.#run(added, enqueuedAtMs + claimForMs);
    return added;
  }

  settle(message: ModelMessage, as: Settlement, now: number): void {
    const { shown, woken } = message;
    const attempt = shown.attempt - 1;
    switch (as.kind) {
      case "ack":
        return this.#remove(message, now);
      case "dead":
        message.shown = { ...shown, failures: withFailure(shown.failures, as.failure) };
        return this.#die(message, as.reason, now);
      case "release":
        message.shown = { ...shown, attempt };
        return this.#backToOldPlace(message);
      case "retry":
        message.shown = { ...shown, failures: withFailure(shown.failures, as.failure) };
        return this.#sleep(message, woken ? now : now + as.delayMs, now);
      case "park":
        message.shown = { ...shown, attempt, crashes: 0 };
        return this.#sleep(message, woken ? now : as.delayMs === undefined ? undefined : now + as.delayMs, now);
      default:
        throw new Error(`unknown settlement ${JSON.stringify(as satisfies never)}`);
    }
  }

  move(change: Wake | Redrive | Discard, message: ModelMessage, now: number): boolean {
    const { state, queue, key } = message.shown;
    if (change.op === "discard") {
      if (state === "running" || (change.state === "dead" && state !== "dead")) return false;
      this.#remove(message, now);
    } else if (change.op === "redrive") {
      if (state !== "dead") return false;
      if (key !== undefined && change.keyConcurrency !== undefined) {
        this.#concurrency.set(nameOfKey(queue, key), change.keyConcurrency);
        this.#admitWaiting(queue, key, now);
      }
      message.shown = {
        ...message.shown,
        attempt: 0,
        crashes: 0,
        reason: undefined,
        diedAtMs: undefined,
        state: "ready",
      };
      message.due = undefined;
      message.seq = ++this.#seq;
      this.#arrive(message, now);
    } else if (state === "running") message.woken = true;
    else if (state === "delayed") this.#toEnd(message);
    else return false;
    return true;
  }

  /** The messages that the claim hands out, in order; the others that were due have been matured or rescued. */
  claim(
    { queue, count, leaseMs, suspects = count, crashesMax = 5 }: ClaimRequest,
    now: number,
  ): readonly ModelMessage[] {
    for (const message of byDue(this.inState(queue, "delayed"))) if (isDue(message, now)) this.#toEnd(message);
    for (const message of byDue(this.inState(queue, "running")))
      if (isDue(message, now)) this.#rescue(message, crashesMax, now);
    if (this.paused.has(queue)) return [];
    const doubtful = byPlace(this.inState(queue, "suspect")).slice(0, Math.min(suspects, count));
    const ready = byPlace(this.inState(queue, "ready")).slice(0, count - doubtful.length);
    const chosen = byPlace([...doubtful, ...ready]);
    for (const message of chosen) this.#run(message, now + leaseMs);
    return chosen;
  }

  nextDue(queue: string): number | undefined {
    const dues = this.inState(queue, "delayed", "running").flatMap(({ due }) => (due === undefined ? [] : [due]));
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  setLease(message: ModelMessage, due: number): void {
    message.due = due;
    message.shown = { ...message.shown, dueAtMs: due };
  }

  #arrive(message: ModelMessage, now: number): void {
    const { queue, key } = message.shown;
    const isFree = key === undefined || (this.#hasRoom(queue, key, message) && this.#waiting(queue, key).length === 0);
    if (isFree) this.#start(message, now);
    else message.shown = { ...message.shown, state: "waiting" };
  }

  #hasRoom(queue: string, key: string, except?: ModelMessage): boolean {
    const admitted = this.messages.filter(
      (other) =>
        other !== except &&
        other.shown.queue === queue &&
        other.shown.key === key &&
        admittedStates.has(other.shown.state),
    );
    return admitted.length < (this.#concurrency.get(nameOfKey(queue, key)) ?? 1);
  }

  #waiting(queue: string, key: string): readonly ModelMessage[] {
    return this.inState(queue, "waiting")
      .filter(({ shown }) => shown.key === key)
      .toSorted((left, right) => left.seq - right.seq);
  }

  #admitWaiting(queue: string, key: string | undefined, now: number): void {
    if (key === undefined) return;
    for (const next of this.#waiting(queue, key)) if (this.#hasRoom(queue, key)) this.#start(next, now);
  }

  /** A key of which nothing is left is forgotten. */
  #passOn({ shown: { queue, key } }: ModelMessage, now: number): void {
    this.#admitWaiting(queue, key, now);
    if (key === undefined) return;
    const isLeft = this.messages.some(
      ({ shown }) => shown.queue === queue && shown.key === key && shown.state !== "dead",
    );
    if (!isLeft) this.#concurrency.delete(nameOfKey(queue, key));
  }

  #start(message: ModelMessage, now: number): void {
    if (message.due !== undefined && message.due > now)
      message.shown = { ...message.shown, state: "delayed", dueAtMs: message.due };
    else {
      message.due = undefined;
      message.shown = { ...message.shown, state: "ready" };
    }
  }

  #run(message: ModelMessage, until: number): void {
    const { shown } = message;
    message.token++;
    message.woken = false;
    message.due = until;
    message.shown = { ...shown, state: "running", attempt: shown.attempt + 1, dueAtMs: until };
  }

  #sleep(message: ModelMessage, due: number | undefined, now: number): void {
    message.woken = false;
    if (due !== undefined && due <= now) return this.#toEnd(message);
    message.due = due;
    message.shown = { ...message.shown, state: "delayed", dueAtMs: due };
  }

  #toEnd(message: ModelMessage): void {
    message.seq = ++this.#seq;
    message.due = undefined;
    message.shown = { ...message.shown, state: "ready", dueAtMs: undefined };
  }

  #backToOldPlace(message: ModelMessage): void {
    message.woken = false;
    message.due = undefined;
    const state = message.shown.crashes > 0 ? "suspect" : "ready";
    message.shown = { ...message.shown, state, dueAtMs: undefined };
  }

  #rescue(message: ModelMessage, crashesMax: number, now: number): void {
    const { shown } = message;
    message.shown = { ...shown, attempt: shown.attempt - 1, crashes: shown.crashes + 1 };
    if (message.shown.crashes >= crashesMax) this.#die(message, "crashed", now);
    else this.#backToOldPlace(message);
  }

  #die(message: ModelMessage, reason: string, now: number): void {
    message.woken = false;
    message.due = undefined;
    message.shown = { ...message.shown, state: "dead", reason, diedAtMs: now, dueAtMs: undefined };
    this.#passOn(message, now);
  }

  #remove(message: ModelMessage, now: number): void {
    this.messages = this.messages.filter((other) => other !== message);
    if (message.shown.state !== "dead") this.#passOn(message, now);
  }
}

function nameOfKey(queue: string, key: string): string {
  return JSON.stringify([queue, key]);
}

function isDue({ due }: ModelMessage, now: number): boolean {
  return due !== undefined && due <= now;
}

function byDue(messages: readonly ModelMessage[]): readonly ModelMessage[] {
  return messages.toSorted(
    (left, right) => (left.due ?? Infinity) - (right.due ?? Infinity) || Number(left.shown.id) - Number(right.shown.id),
  );
}

function byPlace(messages: readonly ModelMessage[]): readonly ModelMessage[] {
  return messages.toSorted((left, right) => left.shown.lane - right.shown.lane || left.seq - right.seq);
}

function withFailure(failures: readonly string[], failure: string | undefined): readonly string[] {
  const all = failure === undefined ? failures : [...failures, failure];
  return all.filter((_, index) => index === 0 || index > all.length - failuresKept);
}
