import type { Clock } from "../../clock/mod.ts";
import { type AmqpBroker, type AmqpHealth, openAmqp } from "../../drivers/amqp/mod.ts";
import { DisposedError, integerIn, UnsupportedError } from "../../errors/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import { Bells } from "../bells.ts";
import type { Change, Enqueue, Settle } from "../change.ts";
import type { CommitResult, Outcome } from "../commit-result.ts";
import type { BellTopic, Capabilities, ClaimRequest, ClaimResult, MessageEngine } from "../engine.ts";
import type { NewMessage, Receipt } from "../message.ts";
import { refuseForeignChanges, refuseForeignScan } from "../parts.ts";
import type { ScanQuery, ScanRow } from "../scan.ts";
import { validateChanges } from "../validate-change.ts";
import { scanLimit, validateClaim, validateLease } from "../validate-request.ts";
import { Depth } from "./depth.ts";
import { type Carried, disclose, untouched } from "./envelope.ts";
import { engineFault } from "./faults.ts";
import { messageIds } from "./ids.ts";
import { Inflow } from "./inflow.ts";
import { type Names, namesOf } from "./names.ts";
import { type RabbitEngineOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { Outflow, type Parcel } from "./outflow.ts";
import { QueueReader } from "./queue-reader.ts";
import { refuseBeyond, refuseDelay } from "./refuse.ts";
import { Topology } from "./topology.ts";

/** What the broker and this process know of a queue. */
export interface RabbitCounts {
  /** At the broker, waiting to be handed out. Delayed ones, and those that processes hold, are in no count. */
  readonly ready: number;
  readonly dead: number;
}

/** An engine that keeps queues, and only them, on RabbitMQ. A commit is one change. An enqueue of several messages is not atomic, because transactions of
 *  RabbitMQ are not: when the connection is lost in the middle, some are added and others not, and the commit rejects with OUTCOME_UNKNOWN. */
export interface RabbitEngine extends MessageEngine {
  /** What can be counted of a queue; the port's `scan` is refused, because the rest cannot. */
  counts(queue: string): Promise<RabbitCounts>;
  /** Makes up to `count` of the oldest dead letters ready again, their attempts at zero, their failures kept. Resolves with how many. */
  redriveDead(queue: string, count: number): Promise<number>;
  health(): Promise<AmqpHealth>;
}

/** Connects. Queues are declared when they are first used. Throws ConfigError, UnsupportedError (no client library), StorageError. */
export async function openRabbitEngine(options: RabbitEngineOptions): Promise<RabbitEngine> {
  const resolved = resolveOptions(options);
  try {
    const { url, password, tls, application, heartbeatSeconds, connectMaxMs, answerMaxMs, unconfirmedMax } = options;
    // The driver waits on the system's clock, whatever judges the leases.
    const given = { url, password, tls, application, heartbeatSeconds, connectMaxMs, answerMaxMs, unconfirmedMax };
    const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return new OnRabbit(await openAmqp({ ...defined, url }), resolved);
  } catch (error) {
    throw engineFault(error);
  }
}

const committed = telemetryChannel("ashlar.engine.commit");
const claimed = telemetryChannel("ashlar.engine.claim");

class OnRabbit implements RabbitEngine {
  readonly can: Capabilities;
  readonly clock: Clock;
  readonly #broker: AmqpBroker;
  readonly #options: ResolvedOptions;
  readonly #names: Names;
  readonly #topology: Topology;
  readonly #outflow: Outflow;
  readonly #depth: Depth;
  readonly #newId: () => string;
  readonly #bells: Bells;
  readonly #readers = new Map<string, QueueReader>();
  #closing: Promise<void> | undefined;

  constructor(broker: AmqpBroker, options: ResolvedOptions) {
    const { can, clock, lanes, prefix, random } = options;
    this.can = can;
    this.clock = clock;
    this.#broker = broker;
    this.#options = options;
    this.#names = namesOf(prefix);
    this.#topology = new Topology(broker, this.#names, options);
    const { topology, names } = { topology: this.#topology, names: this.#names };
    this.#outflow = new Outflow({ publisher: broker.publisher(), topology, names, clock });
    this.#depth = new Depth({ broker, names, lanes, clock });
    this.#newId = messageIds(clock, random);
    this.#bells = new Bells(clock);
  }

  async commit(changes: readonly Change[]): Promise<CommitResult> {
    this.#refuseWhenDisposed();
    refuseForeignChanges(this.can, changes);
    validateChanges(changes, this.can);
    refuseBeyond(changes, this.#options.lanes);
    const [change] = changes;
    if (change === undefined) return { committed: true, outcomes: [] };
    const startedMs = this.clock.monotonic();
    try {
      const result = await this.#commitOne(change);
      this.#tell("committed", startedMs);
      return result;
    } catch (error) {
      this.#tell("failed", startedMs);
      throw engineFault(error);
    }
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    this.#refuseWhenDisposed();
    validateClaim(request);
    const startedMs = this.clock.monotonic();
    const result = await this.#guarded(() => this.#reader(request.queue).claim(request));
    if (claimed.active) {
      const { queue, count: asked } = request;
      const durationMs = this.clock.monotonic() - startedMs;
      claimed.publish({ engine: this.can.engine, queue, asked, ready: result.claims.length, durationMs });
    }
    return result;
  }

  async extend(receipts: readonly Receipt[], leaseMs: number): Promise<readonly boolean[]> {
    this.#refuseWhenDisposed();
    validateLease(leaseMs);
    return receipts.map((receipt) => this.#readers.get(receipt.queue)?.extend(receipt, leaseMs) ?? false);
  }

  async *scan<Q extends ScanQuery>(query: Q): AsyncGenerator<ScanRow<Q>> {
    this.#refuseWhenDisposed();
    refuseForeignScan(this.can, query);
    if (query.kind !== "queues") scanLimit(query.limit);
    const advice = "the broker shows its queues itself; see counts of the engine";
    yield await Promise.reject(new UnsupportedError(`a scan of ${query.kind}`, "engine rabbitmq", advice));
  }

  bell(topics: readonly BellTopic[], ring: () => void): Disposable {
    this.#refuseWhenDisposed();
    return this.#bells.add(topics, ring);
  }

  async counts(queue: string): Promise<RabbitCounts> {
    this.#refuseWhenDisposed();
    return this.#guarded(async () => {
      await this.#topology.lanesOf(queue);
      await this.#topology.deadOf(queue);
      const ready = await this.#depth.counted(queue);
      const dead = this.#names.dead(queue);
      return { ready, dead: (await this.#broker.ask("counting", (wire) => wire.checkQueue(dead))).messageCount };
    });
  }

  async redriveDead(queue: string, count: number): Promise<number> {
    this.#refuseWhenDisposed();
    integerIn("count", count, { min: 1, max: 100_000 });
    return this.#guarded(async () => {
      await this.#topology.deadOf(queue);
      await using channel = this.#broker.channel();
      for (let moved = 0; moved < count; moved++) {
        const message = await channel.ask("reading dead letters", (wire) => wire.get(this.#names.dead(queue)));
        if (message === false) return moved;
        const dead = disclose(message, this.#newId, this.clock.now());
        const again: Carried = { ...dead, attempts: 0, crashes: 0, isSuspect: false };
        await this.#outflow.send({ queue, lane: 0, delayMs: 0 }, again);
        await channel.ask("settling", async (wire) => {
          wire.ack(message);
          await wire.prefetch(1);
        });
        this.#readers.get(queue)?.expectMore();
      }
      return count;
    });
  }

  health(): Promise<AmqpHealth> {
    return this.#broker.health();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#bells.clear();
    await Promise.all([...this.#readers.values()].map((reader) => reader[Symbol.asyncDispose]()));
    await this.#outflow[Symbol.asyncDispose]();
    await this.#broker[Symbol.asyncDispose]();
  }

  #refuseWhenDisposed(): void {
    if (this.#closing !== undefined) throw new DisposedError("the RabbitMQ engine");
  }

  #tell(outcome: "committed" | "failed", startedMs: number): void {
    if (!committed.active) return;
    const durationMs = this.clock.monotonic() - startedMs;
    committed.publish({ engine: this.can.engine, lists: 1, changes: 1, durationMs, outcome });
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw engineFault(error);
    }
  }

  /** Every change comes through here: each further promise costs as much as the rest. */
  #commitOne(change: Change): CommitResult | Promise<CommitResult> {
    switch (change.op) {
      case "enqueue":
        return this.#enqueue(change);
      case "settle":
        return this.#settle(change);
      case "hold": {
        const isHeld = this.#readers.get(change.receipt.queue)?.holds(change.receipt) ?? false;
        return isHeld ? { committed: true, outcomes: [{ op: "hold" }] } : leaseLost(change.receipt);
      }
      default:
        throw new UnsupportedError(`"${change.op}"`, "engine rabbitmq", "see its README");
    }
  }

  async #enqueue({ queue, messages, depthMax }: Enqueue): Promise<CommitResult> {
    const nowMs = this.clock.now();
    const parcels = messages.map((message) => this.#parcel(queue, message, nowMs));
    let longestMs = 0;
    for (const { to } of parcels) longestMs = Math.max(longestMs, to.delayMs);
    refuseDelay(longestMs);
    await this.#outflow.ready({ queue, delayMs: longestMs });
    if (depthMax !== undefined) {
      const depth = this.#depth.known(queue, depthMax, messages.length) ?? (await this.#depth.counted(queue));
      if (depth + messages.length > depthMax)
        return { committed: false, index: 0, refusal: { kind: "queue-full", queue, depth, depthMax } };
      this.#depth.added(queue, messages.length);
    }
    this.#readers.get(queue)?.expectMore();
    await this.#outflow.sendAll(parcels);
    if (!this.#bells.isSilent) this.#bells.ring(new Set([`queue:${queue}` as const]));
    const outcome: Outcome = {
      op: "enqueue",
      messages: parcels.map(({ carried: { id } }) => ({ id, status: "added" })),
    };
    return { committed: true, outcomes: [outcome] };
  }

  async #settle({ receipt, as }: Settle): Promise<CommitResult> {
    const isSettled = (await this.#readers.get(receipt.queue)?.settle(receipt, as)) ?? false;
    return isSettled ? { committed: true, outcomes: [{ op: "settle" }] } : leaseLost(receipt);
  }

  #parcel(queue: string, message: NewMessage, nowMs: number): Parcel {
    const { body, headers, lane = 0 } = message;
    const carried = untouched({ id: this.#newId(), body, headers, enqueuedAtMs: nowMs });
    return { to: { queue, lane, delayMs: delayOf(message, nowMs) }, carried };
  }

  #reader(queue: string): QueueReader {
    let reader = this.#readers.get(queue);
    if (reader === undefined) this.#readers.set(queue, (reader = this.#newReader(queue)));
    return reader;
  }

  #newReader(queue: string): QueueReader {
    const topics = new Set([`queue:${queue}` as const]);
    const ring = (): void => this.#bells.ring(topics);
    const inflow = new Inflow({
      broker: this.#broker,
      topology: this.#topology,
      names: this.#names,
      options: this.#options,
      queue,
      newId: this.#newId,
      arrived: () => reader.arrived(),
      lost: () => reader.lost(),
    });
    const reader: QueueReader = new QueueReader({
      queue,
      options: this.#options,
      inflow,
      outflow: this.#outflow,
      ring,
    });
    return reader;
  }
}

function delayOf({ delayMs, dueAtMs }: NewMessage, nowMs: number): number {
  return delayMs ?? (dueAtMs === undefined ? 0 : Math.max(0, dueAtMs - nowMs));
}

function leaseLost(receipt: Receipt): CommitResult {
  return { committed: false, index: 0, refusal: { kind: "lease-lost", receipt } };
}
