import type { Clock } from "../../clock/mod.ts";
import { openRedis, type RedisDatabase, type RedisHealth } from "../../drivers/redis/mod.ts";
import { DisposedError, UnsupportedError } from "../../errors/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import type { Cell, CellKey } from "../cell.ts";
import type { Change } from "../change.ts";
import type { CommitResult } from "../commit-result.ts";
import { type Durability, survives } from "../durability.ts";
import type { BellTopic, Capabilities, CellEngine, ClaimRequest, ClaimResult, MessageEngine } from "../engine.ts";
import { ChangeError, DurabilityError } from "../errors.ts";
import { type BellWire, FarBells } from "../far-bells.ts";
import { Maintenance } from "../maintenance.ts";
import type { Receipt } from "../message.ts";
import { refuseForeignChanges, refuseForeignScan } from "../parts.ts";
import type { ScanQuery, ScanRow } from "../scan.ts";
import { validateChanges } from "../validate-change.ts";
import { validateClaim, validateLease } from "../validate-request.ts";
import { auditFaults } from "./audit.ts";
import { bytesOf, type ClaimCall, type CommitCall, type ExtendCall } from "./calls.ts";
import { getCells } from "./cells.ts";
import { ask, type Dataset, openDataset } from "./dataset.ts";
import { engineFault } from "./faults.ts";
import { maintain } from "./maintenance.ts";
import { type RedisEngineOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { scanRows } from "./scan.ts";
import { scripts } from "./scripts.ts";
import { Writer } from "./writer.ts";

/** What the driver says of the server; `down`, too, when the data that the engine was opened on is gone. */
export type RedisEngineHealth = RedisHealth;

/** The engine on a Redis server, for messages, cells and inbox: any number of processes on any number of machines share it. It keeps no events. */
export interface RedisEngine extends MessageEngine, CellEngine {
  health(): Promise<RedisEngineHealth>;
  /** Faults found in the stored data; empty when sound. Reads all of it, page by page. */
  verify(): Promise<readonly string[]>;
}

/**
 * Connects, and makes the data set when there is none. Throws ConfigError, UnsupportedError (no client library, a cluster, a server that evicts),
 * StorageError (no server, a replica, one older than 7.0, no rights, data of a newer version), DurabilityError (the server keeps less than asked for).
 */
export async function openRedisEngine(options: RedisEngineOptions): Promise<RedisEngine> {
  const resolved = resolveOptions(options);
  const database = await openRedis(resolved.database).catch((error: unknown) => {
    throw engineFault(error);
  });
  try {
    const durability = durabilityOf(database);
    refuseUnfit(database, durability, resolved);
    const engine = new OnRedis(await openDataset(database, resolved), durability, resolved);
    await engine.start();
    return engine;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw engineFault(error);
  }
}

function durabilityOf({ facts }: RedisDatabase): Durability {
  if (facts.persistence === "each-write") return "disk";
  return facts.persistence === "each-second" ? "process" : "memory";
}

function refuseUnfit({ facts }: RedisDatabase, offered: Durability, { durability }: ResolvedOptions): void {
  if (facts.evictionPolicy !== "noeviction")
    throw new UnsupportedError(
      `a server with maxmemory-policy ${facts.evictionPolicy}`,
      "the Redis engine",
      "it would drop what was acknowledged; set it to noeviction",
    );
  if (!survives(offered, durability))
    throw new DurabilityError(`the engine (the server's persistence is "${facts.persistence}")`, durability, offered);
}

// The server takes no call of a gigabyte, and should not be kept by one that comes near it.
const listBytesMax = 2 ** 28;

function refuseHuge(changes: readonly Change[]): void {
  const bytes = bytesOf({ kind: "commit", changes });
  if (bytes <= listBytesMax) return;
  throw new ChangeError(
    `the bodies and values of a commit have up to ${bytes} bytes, the limit is ${listBytesMax}: part it`,
  );
}

function wireOf(database: RedisDatabase, channel: string): BellWire {
  return {
    send: (text) => database.send(["PUBLISH", channel, text], { effect: "none" }),
    hear: (heard) => database.subscribe([channel], heard),
  };
}

const claimed = telemetryChannel("ashlar.engine.claim");

class OnRedis implements RedisEngine {
  readonly can: Capabilities;
  readonly clock: Clock;
  readonly #dataset: Dataset;
  readonly #writer: Writer;
  readonly #bells: FarBells;
  readonly #maintenance: Maintenance;
  #closing: Promise<void> | undefined;

  constructor(dataset: Dataset, durability: Durability, resolved: ResolvedOptions) {
    const { clock, random, payloadBytesMax, changesMax, waitingMax, busyMaxMs, maintenanceMs, keys } = resolved;
    this.can = {
      engine: "redis",
      parts: ["messages", "cells", "inbox"],
      durability,
      sharing: "many machines",
      transactions: "none",
      payloadBytesMax,
      changesMax,
    };
    this.clock = clock;
    this.#dataset = dataset;
    const own = random.integer(0, Number.MAX_SAFE_INTEGER).toString(36);
    this.#bells = new FarBells({ clock, own, wire: wireOf(dataset.database, `${keys}bell`) });
    this.#maintenance = new Maintenance(clock, maintenanceMs, (isClosed) => maintain(dataset, isClosed));
    this.#writer = new Writer({
      dataset,
      random,
      waitingMax,
      busyMaxMs,
      whenCommitted: (topics) => this.#committed(topics),
    });
  }

  async start(): Promise<void> {
    await this.#bells.start();
  }

  commit(changes: readonly Change[]): Promise<CommitResult> {
    try {
      this.#refuseWhenDisposed();
      refuseForeignChanges(this.can, changes);
      validateChanges(changes, this.can);
      refuseHuge(changes);
    } catch (error) {
      return Promise.reject(error);
    }
    // The caller may go on with its own array before the turn comes.
    return this.#writer.submit<CommitCall>({ kind: "commit", changes: changes.slice() });
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    this.#refuseWhenDisposed();
    validateClaim(request);
    const startedMs = claimed.active ? this.clock.monotonic() : 0;
    const result = await this.#writer.submit<ClaimCall>({ kind: "claim", request });
    if (claimed.active) {
      const durationMs = this.clock.monotonic() - startedMs;
      const { queue, count: asked } = request;
      claimed.publish({ engine: "redis", queue, asked, ready: result.claims.length, durationMs });
    }
    return result;
  }

  async extend(receipts: readonly Receipt[], leaseMs: number): Promise<readonly boolean[]> {
    this.#refuseWhenDisposed();
    validateLease(leaseMs);
    return this.#writer.submit<ExtendCall>({ kind: "extend", receipts: receipts.slice(), leaseMs });
  }

  async get(cells: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
    this.#refuseWhenDisposed();
    return getCells(this.#dataset, cells);
  }

  async *scan<Q extends ScanQuery>(query: Q): AsyncGenerator<ScanRow<Q>> {
    this.#refuseWhenDisposed();
    refuseForeignScan(this.can, query);
    yield* scanRows(this.#dataset, query);
  }

  bell(topics: readonly BellTopic[], ring: () => void): Disposable {
    this.#refuseWhenDisposed();
    return this.#bells.add(topics, ring);
  }

  async verify(): Promise<readonly string[]> {
    this.#refuseWhenDisposed();
    return auditFaults(this.#dataset);
  }

  async health(): Promise<RedisEngineHealth> {
    const health = await this.#dataset.database.health();
    if (health.status === "down") return health;
    try {
      await ask(this.#dataset, scripts.get, ["0"]);
      return health;
    } catch (error) {
      return { ...health, status: "down", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.idle();
    await this.#maintenance.close();
    await this.#bells[Symbol.asyncDispose]();
    await this.#dataset.database[Symbol.asyncDispose]();
  }

  #committed(topics: ReadonlySet<BellTopic>): void {
    this.#bells.ring(topics);
    this.#maintenance.arm();
  }

  #refuseWhenDisposed(): void {
    if (this.#closing !== undefined) throw new DisposedError("the Redis engine");
  }
}
