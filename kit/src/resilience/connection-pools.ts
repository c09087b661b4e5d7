// Per client: slots say who may have a connection, and a stack holds those that nobody has. Connections in use and idle together are never more
// than the slots, because a new one is opened only by who holds a slot and finds the stack empty.
import { type Clock, systemClock, type Timer } from "../clock/mod.ts";
import { integerIn, numberIn, textOf } from "../errors/mod.ts";
import { durationMaxMs } from "./backoff.ts";
import { queuesOf, type RoomRequest } from "./bulkhead.ts";
import { refusal, type Refusal } from "./refusal.ts";
import { Slots } from "./slots.ts";
import { type Priority, rankOf } from "./verdict.ts";

/** What connection pools go by. */
export interface ConnectionPoolsOptions<C> {
  /** Default "connections". */
  readonly name?: string | undefined;
  /** Opens one. Its rejection is the caller's; the signal is the caller's too. */
  readonly open: (client: string, context: { readonly signal: AbortSignal | undefined }) => PromiseLike<C>;
  /** Closes one; awaited when the pools are disposed. What it throws is dropped: the connection is gone either way. */
  readonly close: (connection: C) => PromiseLike<void> | void;
  /** Whether an idle one may be used again; asked before each use. Default yes. */
  readonly isUsable?: ((connection: C) => boolean) | undefined;
  /** Connections of one client, 1 to 100,000. Default 10. */
  readonly connectionsMax?: number | undefined;
  /** Clients that have connections; beyond it an idle one is forgotten, the longest unused first, else the newcomer refused. Default 1,000. */
  readonly clientsMax?: number | undefined;
  /** Who may wait for a connection of one client, as for a bulkhead. Default 100. */
  readonly queueMax?: number | Readonly<Record<Priority, number>> | undefined;
  /** Default 5 s. */
  readonly waitMaxMs?: number | undefined;
  /** An idle connection is closed after that time. Default 60 s. */
  readonly idleMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** A connection that is held until it is disposed. */
export interface HeldConnection<C> extends Disposable {
  readonly allowed: true;
  readonly connection: C;
  /** It is not to be used again: it is closed when it comes back. */
  broken(): void;
}

/** A client's pool at a glance. */
export interface ConnectionPoolReport {
  readonly inUse: number;
  readonly idle: number;
  readonly waiting: number;
}

export type { ConnectionPools };

/**
 * Connections kept and bounded for each client apart, so that one that is slow or greedy takes no others'. The one used last is used next, so that a
 * quiet pool shrinks. Disposing refuses who waits, closes what is idle, and waits for what is in use. Throws ConfigError.
 */
export function connectionPools<C>(options: ConnectionPoolsOptions<C>): ConnectionPools<C> {
  return new ConnectionPools(options);
}

interface Pool<C> {
  readonly client: string;
  readonly slots: Slots;
  readonly idle: { readonly connection: C; readonly sinceMs: number }[];
}

/** See {@link connectionPools}. */
class ConnectionPools<C> implements AsyncDisposable {
  readonly #name: string;
  readonly #options: ConnectionPoolsOptions<C>;
  readonly #clock: Clock;
  readonly #connectionsMax: number;
  readonly #clientsMax: number;
  readonly #queueMax: readonly number[];
  readonly #waitMaxMs: number;
  readonly #idleMs: number;
  /** The longest unused first. */
  readonly #pools = new Map<string, Pool<C>>();
  readonly #closing = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #held = 0;
  #isClosed = false;
  #empty: PromiseWithResolvers<void> | undefined;

  constructor(options: ConnectionPoolsOptions<C>) {
    this.#name = textOf("name", options.name ?? "connections");
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#connectionsMax = integerIn("connectionsMax", options.connectionsMax ?? 10, { min: 1, max: 100_000 });
    this.#clientsMax = integerIn("clientsMax", options.clientsMax ?? 1_000, { min: 1, max: 1_000_000 });
    this.#queueMax = queuesOf(options.queueMax ?? 100);
    this.#waitMaxMs = numberIn("waitMaxMs", options.waitMaxMs ?? 5_000, { min: 0, max: durationMaxMs });
    this.#idleMs = numberIn("idleMs", options.idleMs ?? 60_000, { min: 1, max: durationMaxMs });
  }

  /** A connection of this client, or the refusal. Rejects as `open` does, or with the signal's reason. */
  async acquire(
    client: string,
    { priority = "normal", signal }: RoomRequest = {},
  ): Promise<HeldConnection<C> | Refusal> {
    signal?.throwIfAborted();
    const pool = this.#isClosed ? undefined : this.#pool(client);
    if (pool === undefined) return refusal(this.#name, this.#isClosed ? "closed" : "full");
    const refused = await this.#room(pool, { rank: rankOf(priority), signal });
    if (refused !== undefined) return this.#isClosed ? refusal(this.#name, "closed") : refused;
    if (this.#isClosed) {
      // Between room and now, if only for a moment.
      pool.slots.give();
      return refusal(this.#name, "closed");
    }
    this.#held++;
    try {
      signal?.throwIfAborted();
      const connection = this.#takeIdle(pool) ?? { connection: await this.#options.open(client, { signal }) };
      return this.#lend(pool, connection.connection);
    } catch (error) {
      this.#giveBack(pool);
      throw error;
    }
  }

  /** By client. */
  describe(): Readonly<Record<string, ConnectionPoolReport>> {
    return Object.fromEntries(
      Array.from(this.#pools.values(), ({ client, slots, idle }) => [
        client,
        { inUse: slots.inUse, idle: idle.length, waiting: slots.waiting },
      ]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const pool of this.#pools.values()) {
      pool.slots.turnAway();
      for (const { connection } of pool.idle.splice(0)) this.#close(connection);
    }
    if (this.#held > 0) {
      this.#empty ??= Promise.withResolvers();
      await this.#empty.promise;
    }
    await Promise.all(this.#closing);
  }

  /** Undefined when there is no room for another client. */
  #pool(client: string): Pool<C> | undefined {
    let pool = this.#pools.get(client);
    if (pool === undefined) {
      if (this.#pools.size >= this.#clientsMax && this.#forgetOne() === "none") return undefined;
      const rules = { clock: this.#clock, shares: [1, 1, 1], queueMax: this.#queueMax };
      pool = { client, slots: new Slots(this.#connectionsMax, rules), idle: [] };
    } else this.#pools.delete(client);
    this.#pools.set(client, pool);
    return pool;
  }

  #forgetOne(): "forgotten" | "none" {
    for (const { client, slots, idle } of this.#pools.values()) {
      if (slots.inUse > 0) continue;
      this.#pools.delete(client);
      for (const { connection } of idle.splice(0)) this.#close(connection);
      return "forgotten";
    }
    return "none";
  }

  async #room(
    { slots }: Pool<C>,
    { rank, signal }: { readonly rank: number; readonly signal: AbortSignal | undefined },
  ): Promise<Refusal | undefined> {
    if (slots.take(rank) === "taken") return undefined;
    if (!slots.mayWait(rank) || this.#waitMaxMs === 0) return refusal(this.#name, "full");
    const untilMs = this.#clock.monotonic() + this.#waitMaxMs;
    return (await slots.wait({ rank, weight: 1, signal, untilMs })) === "taken"
      ? undefined
      : refusal(this.#name, "waited");
  }

  #takeIdle({ idle }: Pool<C>): { readonly connection: C } | undefined {
    const { isUsable = () => true } = this.#options;
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      let isGood = false;
      try {
        isGood = isUsable(last.connection);
      } finally {
        if (!isGood) this.#close(last.connection);
      }
      if (isGood) return last;
    }
    return undefined;
  }

  #lend(pool: Pool<C>, connection: C): HeldConnection<C> {
    let state: "held" | "broken" | "back" = "held";
    return {
      allowed: true,
      connection,
      broken: () => {
        if (state === "held") state = "broken";
      },
      [Symbol.dispose]: () => {
        if (state === "back") return;
        if (state === "broken" || this.#isClosed) this.#close(connection);
        else this.#keep(pool, connection);
        state = "back";
        this.#giveBack(pool);
      },
    };
  }

  #keep({ idle }: Pool<C>, connection: C): void {
    idle.push({ connection, sinceMs: this.#clock.monotonic() });
    this.#timer ??= this.#clock.setTimer(this.#idleMs, () => this.#sweep(), { holdsProcess: "no" });
  }

  #giveBack({ slots }: Pool<C>): void {
    slots.give();
    if (--this.#held === 0) this.#empty?.resolve();
  }

  /** Closes what has been idle for too long, and forgets clients that have nothing. */
  #sweep(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    let nextMs = Infinity;
    for (const { client, slots, idle } of this.#pools.values()) {
      // The stack is ordered: the longest idle is at its bottom.
      while (idle[0] !== undefined && idle[0].sinceMs + this.#idleMs <= nowMs + 1) {
        const [oldest] = idle.splice(0, 1);
        if (oldest !== undefined) this.#close(oldest.connection);
      }
      if (idle[0] !== undefined) nextMs = Math.min(nextMs, idle[0].sinceMs + this.#idleMs);
      else if (slots.inUse === 0) this.#pools.delete(client);
    }
    if (nextMs !== Infinity)
      this.#timer = this.#clock.setTimer(nextMs - nowMs, () => this.#sweep(), { holdsProcess: "no" });
  }

  #close(connection: C): void {
    const closing = closed(this.#options.close, connection).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

async function closed<C>(close: ConnectionPoolsOptions<C>["close"], connection: C): Promise<void> {
  try {
    await close(connection);
  } catch {
    // It is gone either way, and nobody who asked for another one can help.
  }
}
