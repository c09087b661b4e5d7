import type { Clock } from "../../clock/mod.ts";
import { createStream, isLost, type NatsConnection, type NatsHealth, openNats } from "../../drivers/nats/mod.ts";
import { DisposedError, integerIn, invariant } from "../../errors/mod.ts";
import { idSource } from "../../random/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import { Bells } from "../bells.ts";
import type { Cell, CellKey } from "../cell.ts";
import type { Change } from "../change.ts";
import type { CommitResult } from "../commit-result.ts";
import { survives } from "../durability.ts";
import type { BellTopic, Capabilities, CellEngine, ClaimRequest, ClaimResult, MessageEngine } from "../engine.ts";
import { ChangeError, DurabilityError, StorageError } from "../errors.ts";
import { payloadBytesDefault } from "../limits.ts";
import { Maintenance } from "../maintenance.ts";
import type { Receipt } from "../message.ts";
import { refuseForeignChanges, refuseForeignScan } from "../parts.ts";
import type { ScanQuery, ScanRow } from "../scan.ts";
import { scanPage } from "../state/scan.ts";
import { validateChanges } from "../validate-change.ts";
import { validateClaim, validateLease } from "../validate-request.ts";
import { Barrier } from "./barrier.ts";
import { commandHeadBytes } from "./command.ts";
import { Compaction } from "./compaction.ts";
import { storageErrorOf } from "./faults.ts";
import type { Answer } from "./fold.ts";
import { type JetStreamEngineOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { Proposer } from "./proposer.ts";
import { Replica, type ReplicaPlace } from "./replica.ts";
import { namesOf } from "./snapshots.ts";

/** Whether the server answers, and how this process stands to the stream. */
export interface JetStreamHealth extends NatsHealth {
  /** Sequence of the last command that was carried out here. */
  readonly applied: number;
  /** About how much the state holds, in bytes. */
  readonly stateBytes: number;
  /** Why this process can go no further, if so: open the engine anew. */
  readonly fault: string | undefined;
}

/** An engine whose state is the fold of a stream, in every process the same. It keeps messages, cells and inbox; no events. */
export interface JetStreamEngine extends MessageEngine, CellEngine {
  health(): Promise<JetStreamHealth>;
  /** Writes a snapshot now and removes the commands that it covers. Rejects with NatsError or StorageError. */
  compact(): Promise<void>;
}

/** Opens the engine on a stream, which is made when absent: reads the newest snapshot and what came after it. Throws ConfigError, UnsupportedError (client
 *  library missing, server too old), NatsError, DurabilityError, StorageError. */
export async function openJetStreamEngine(options: JetStreamEngineOptions): Promise<JetStreamEngine> {
  const resolved = resolveOptions(options);
  const connection = await openNats(resolved.connection);
  try {
    return await whileAway(connection, resolved.busyMaxMs, async () => {
      const engine = new OnJetStream(connection, resolved, await prepare(connection, resolved));
      await engine.begin();
      return engine;
    });
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

const pauseMs = 50;

/** Asks again what may be asked twice, for up to `forMs`: a cluster that is choosing its leaders lets questions go unanswered. */
async function whileAway<T>(connection: NatsConnection, forMs: number, ask: () => Promise<T>): Promise<T> {
  const { clock } = connection;
  const untilMs = clock.monotonic() + forMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!mayAnswer(error) || clock.monotonic() >= untilMs) throw error;
    }
    await clock.sleep(pauseMs);
  }
}

/** Not a server that has no JetStream at all. */
function mayAnswer(error: unknown): boolean {
  return isLost(error) && (error.reason === "connection" || error.number !== 0);
}

/** How long the server knows the ids of commands; the state machine knows them for longer. */
const idsForMs = 120_000;

async function prepare(connection: NatsConnection, options: ResolvedOptions): Promise<Capabilities> {
  const { stream, replicas, streamBytesMax, durability } = options;
  const names = namesOf(stream);
  const common = { replicas, whenFull: "refuse", idsForMs } as const;
  const facts = await createStream(connection, {
    ...common,
    name: names.commands,
    subjects: [names.commandSubject],
    bytesMax: streamBytesMax,
  });
  await createStream(connection, {
    ...common,
    name: names.snapshots,
    subjects: [names.newestSubject, `${names.newestSubject}.>`],
    // Two snapshots at once, each somewhat larger than what it holds.
    bytesMax: 4 * options.stateBytesMax(),
  });
  const stated = durability === "disk" ? "disk" : "process";
  const offered = facts.replicas >= 3 ? "replicated" : stated;
  if (!survives(offered, durability))
    throw new DurabilityError(`the engine on stream "${stream}"`, durability, offered);
  // Several of the largest go into one commit, and JSON makes texts longer.
  const fits = Math.floor((connection.messageBytesMax - commandHeadBytes) / 4);
  const max = connection.messageBytesMax - commandHeadBytes;
  return {
    engine: "jetstream",
    parts: ["messages", "cells", "inbox"],
    durability: offered,
    sharing: "many machines",
    transactions: "none",
    payloadBytesMax: integerIn("payloadBytesMax", options.payloadBytesMax ?? Math.min(payloadBytesDefault, fits), {
      max,
    }),
    changesMax: options.changesMax,
  };
}

const committed = telemetryChannel("ashlar.engine.commit");
const claimed = telemetryChannel("ashlar.engine.claim");

class OnJetStream implements JetStreamEngine {
  readonly can: Capabilities;
  readonly clock: Clock;
  readonly #connection: NatsConnection;
  readonly #bells: Bells;
  readonly #replica: Replica;
  readonly #barrier: Barrier;
  readonly #proposer: Proposer;
  readonly #compaction: Compaction;
  readonly #maintenance: Maintenance;
  #closing: Promise<void> | undefined;

  constructor(connection: NatsConnection, options: ResolvedOptions, can: Capabilities) {
    const { clock, random, serverClock, busyMaxMs } = options;
    this.can = can;
    this.clock = clock;
    this.#connection = connection;
    this.#bells = new Bells(clock);
    const proposer = idSource({ clock: connection.clock, random })();
    const place: ReplicaPlace = {
      connection,
      names: namesOf(options.stream),
      bells: this.#bells,
      serverClock,
      proposer,
    };
    this.#replica = new Replica(place);
    const inner = { ...place, replica: this.#replica, busyMaxMs };
    this.#barrier = new Barrier(inner);
    this.#compaction = new Compaction({
      ...inner,
      snapshotCommands: options.snapshotCommands,
      snapshotBytes: options.snapshotBytes,
      announce: async (covers) => void (await this.#propose(`["covered",${covers}]`)),
    });
    this.#proposer = new Proposer({
      ...inner,
      clock,
      random,
      waitingMax: options.waitingMax,
      stateBytesMax: options.stateBytesMax,
      caughtUp: () => this.#barrier.pass(),
      compact: () => this.#compaction.now(),
      proposed: () => this.#afterCommand(),
    });
    this.#maintenance = new Maintenance(clock, options.maintenanceMs, () => this.#sweep());
  }

  /** Reads the stream up to its end, and learns what time it is at the server. */
  async begin(): Promise<void> {
    try {
      await this.#replica.begin();
      await this.#barrier.pass();
      // A stream that is full is no reason not to open it.
      await this.#propose('["sweep"]').catch(passFull);
    } catch (error) {
      await this.#replica[Symbol.asyncDispose]();
      throw error;
    }
  }

  async commit(changes: readonly Change[]): Promise<CommitResult> {
    this.#refuseWhenDisposed();
    refuseForeignChanges(this.can, changes);
    validateChanges(changes, this.can);
    const startedMs = committed.active ? this.clock.monotonic() : 0;
    const answer = await this.#propose(`["commit",${JSON.stringify(changes)}]`);
    if (answer.kind === "full")
      throw new StorageError(
        "full",
        "the engine holds as much as stateBytesMax allows; settle, delete, or raise it in every process",
      );
    invariant(answer.kind === "commit", "a commit is answered as one");
    if (committed.active) {
      const durationMs = this.clock.monotonic() - startedMs;
      committed.publish({ engine: "jetstream", lists: 1, changes: changes.length, durationMs, outcome: "committed" });
    }
    return answer.result;
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    this.#refuseWhenDisposed();
    validateClaim(request);
    const { queue, count } = request;
    const startedMs = claimed.active ? this.clock.monotonic() : 0;
    const answer = await this.#propose(`["claim",${JSON.stringify(request)}]`, queue);
    invariant(answer.kind === "claim", "a claim is answered as one");
    if (claimed.active) {
      const durationMs = this.clock.monotonic() - startedMs;
      claimed.publish({ engine: "jetstream", queue, asked: count, ready: answer.result.claims.length, durationMs });
    }
    return answer.result;
  }

  async extend(receipts: readonly Receipt[], leaseMs: number): Promise<readonly boolean[]> {
    this.#refuseWhenDisposed();
    validateLease(leaseMs);
    const answer = await this.#propose(`["extend",${JSON.stringify(receipts)},${leaseMs}]`);
    invariant(answer.kind === "extend", "an extension is answered as one");
    return answer.result;
  }

  async get(cells: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
    this.#refuseWhenDisposed();
    await this.#barrier.pass();
    const nowMs = this.clock.now();
    const { spaces } = this.#replica.fold.state;
    return cells.map(({ space, key }) => spaces.get(space)?.cells.get(key, nowMs));
  }

  async *scan<Q extends ScanQuery>(query: Q): AsyncGenerator<ScanRow<Q>> {
    this.#refuseWhenDisposed();
    refuseForeignScan(this.can, query);
    await this.#barrier.pass();
    // One page is one look at the state: rows that change while the caller works on it show as they were.
    yield* scanPage(this.#replica.fold.state, query, this.clock.now()) as readonly ScanRow<Q>[];
  }

  bell(topics: readonly BellTopic[], ring: () => void): Disposable {
    this.#refuseWhenDisposed();
    return this.#bells.add(topics, ring);
  }

  async health(): Promise<JetStreamHealth> {
    const health = await this.#connection.health();
    const { applied, fold, fault } = this.#replica;
    const down = fault === undefined ? {} : ({ status: "down", reason: fault.message } as const);
    return { ...health, ...down, applied, stateBytes: fold.state.load.bytes, fault: fault?.message };
  }

  async compact(): Promise<void> {
    this.#refuseWhenDisposed();
    await this.#barrier.pass();
    await this.#compaction.now();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#maintenance.close();
    await this.#compaction.close();
    await this.#proposer.close();
    await this.#replica[Symbol.asyncDispose]();
    this.#bells.clear();
    await this.#connection[Symbol.asyncDispose]();
  }

  #refuseWhenDisposed(): void {
    if (this.#closing !== undefined) throw new DisposedError("the JetStream engine");
  }

  #propose(text: string, claims?: string): Promise<Answer> {
    if (this.#replica.fault !== undefined) return Promise.reject(this.#replica.fault);
    const bytes = Buffer.byteLength(text);
    const bytesMax = this.#connection.messageBytesMax - commandHeadBytes;
    if (bytes > bytesMax)
      return Promise.reject(
        new ChangeError(
          `a commit of ${bytes} bytes as JSON does not fit into one message of the server (${bytesMax}): split it, or raise max_payload`,
        ),
      );
    return this.#proposer.propose({ text, bytes, claims });
  }

  #afterCommand(): void {
    this.#compaction.afterCommand();
    if (this.#replica.fold.state.expiries.size > 0) this.#maintenance.arm();
  }

  async #sweep(): Promise<void> {
    const next = this.#replica.fold.state.expiries.peek();
    if (next === undefined) return;
    if (next.expiresAtMs <= this.clock.now()) await this.#propose('["sweep"]');
    else this.#maintenance.arm();
  }
}

function passFull(error: unknown): undefined {
  if (error instanceof StorageError && error.reason === "full") return undefined;
  throw storageErrorOf(error);
}
