import { deque, type Deque } from "../../collections/mod.ts";
import { DisposedError } from "../../errors/mod.ts";
import { CommitMarker, type MarkerStatements } from "./commit-marker.ts";
import { connect } from "./connector.ts";
import type { ResolvedPostgres } from "./options.ts";
import { PostgresError } from "./postgres-error.ts";
import type { PostgresSession } from "./session.ts";

/** A connection of the pool, lent to one caller. */
export interface PooledSession {
  readonly session: PostgresSession;
  readonly marker: CommitMarker;
}

interface Waiter {
  readonly give: (pooled: PooledSession) => void;
  readonly fail: (error: unknown) => void;
}

/** How a pool is doing. */
export interface PoolStatus {
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
}

/** At most `connectionsMax` connections, the one used last first, so that those that are not needed go idle. */
export class Pool {
  readonly #options: ResolvedPostgres;
  readonly #markers: MarkerStatements;
  readonly #idle: PooledSession[] = [];
  readonly #waiting: Deque<Waiter> = deque();
  readonly #closing = new AbortController();
  readonly #whenEmpty: (() => void)[] = [];
  #open = 0;

  constructor(options: ResolvedPostgres, markers: MarkerStatements) {
    this.#options = options;
    this.#markers = markers;
  }

  get status(): PoolStatus {
    return { open: this.#open, idle: this.#idle.length, waiting: this.#waiting.size };
  }

  /** Lends a connection to `work`. One that breaks meanwhile is not lent again. Rejects with PostgresError `busy` when too many wait.
   *  `untilMs`, by the monotonic clock: how long to try to connect, for who tries again himself; `connectMaxMs` from now otherwise. */
  async use<T>(work: (pooled: PooledSession) => Promise<T>, untilMs?: number): Promise<T> {
    const pooled = await this.#acquire(untilMs);
    try {
      return await work(pooled);
    } finally {
      this.#release(pooled);
    }
  }

  /** Waits for who works, and closes all. Who waits is refused. */
  async close(): Promise<void> {
    this.#closing.abort(new DisposedError("the PostgreSQL pool"));
    for (let waiter = this.#waiting.popFront(); waiter !== undefined; waiter = this.#waiting.popFront())
      waiter.fail(this.#closing.signal.reason);
    for (const { session } of this.#idle.splice(0)) this.#closeOne(session);
    if (this.#open > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  async #acquire(untilMs?: number): Promise<PooledSession> {
    this.#closing.signal.throwIfAborted();
    for (let pooled = this.#idle.pop(); pooled !== undefined; pooled = this.#idle.pop()) {
      if (pooled.session.isOpen) return pooled;
      this.#gone();
    }
    if (this.#open < this.#options.connectionsMax) return this.#connect(untilMs);
    return this.#wait();
  }

  async #connect(untilMs = this.#options.clock.monotonic() + this.#options.connectMaxMs): Promise<PooledSession> {
    this.#open += 1;
    try {
      const session = await connect(this.#options, { untilMs, signal: this.#closing.signal });
      return { session, marker: new CommitMarker(this.#markers) };
    } catch (error) {
      this.#gone();
      this.#makeForWaiter();
      throw error;
    }
  }

  #wait(): Promise<PooledSession> {
    const { waitingMax, connectMaxMs, clock } = this.#options;
    const busy = (why: string): PostgresError => new PostgresError("busy", `no connection of the pool: ${why}`);
    if (this.#waiting.size >= waitingMax) return Promise.reject(busy(`${waitingMax} callers wait already`));
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(connectMaxMs, () => waiter.fail(busy(`waited ${connectMaxMs} ms`)), {
        holdsProcess: "no",
      });
      let isSettled = false;
      const settled = (): boolean => {
        timer.cancel();
        const before = isSettled;
        isSettled = true;
        return before;
      };
      const waiter: Waiter = {
        // One that has given up passes it on.
        give: (pooled) => (settled() ? this.#release(pooled) : resolve(pooled)),
        fail: (error) => void (settled() || reject(error)),
      };
      this.#waiting.pushBack(waiter);
    });
  }

  #release(pooled: PooledSession): void {
    if (this.#closing.signal.aborted) return this.#closeOne(pooled.session);
    if (!pooled.session.isOpen) {
      this.#gone();
      return this.#makeForWaiter();
    }
    const waiter = this.#waiting.popFront();
    if (waiter === undefined) this.#idle.push(pooled);
    else waiter.give(pooled);
  }

  /** A connection broke while others wait for one. */
  #makeForWaiter(): void {
    if (this.#waiting.size === 0 || this.#closing.signal.aborted || this.#open >= this.#options.connectionsMax) return;
    const waiter = this.#waiting.popFront();
    this.#connect().then(
      (pooled) => (waiter === undefined ? this.#release(pooled) : waiter.give(pooled)),
      (error: unknown) => waiter?.fail(error),
    );
  }

  #closeOne(session: PostgresSession): void {
    void session.close().finally(() => this.#gone());
  }

  #gone(): void {
    this.#open -= 1;
    if (this.#open === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}
