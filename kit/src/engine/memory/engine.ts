import { everyPart } from "../parts.ts";
import { type Clock, systemClock } from "../../clock/mod.ts";
import { DisposedError, integerIn } from "../../errors/mod.ts";
import { telemetryChannel } from "../../telemetry/mod.ts";
import type { Cell, CellKey } from "../cell.ts";
import type { Change } from "../change.ts";
import type { CommitResult } from "../commit-result.ts";
import type {
  BellTopic,
  Capabilities,
  ClaimRequest,
  ClaimResult,
  Engine,
  ReadRequest,
  ReadResult,
  StreamRequest,
} from "../engine.ts";
import type { RecordedEvent } from "../event-record.ts";
import { changesDefault, payloadBytesDefault, waitingDefault } from "../limits.ts";
import type { Receipt } from "../message.ts";
import type { ScanQuery, ScanRow } from "../scan.ts";
import { validateChanges } from "../validate-change.ts";
import { validateClaim, validateLease, validateRead, validateStream } from "../validate-request.ts";
import { applyChange } from "../state/apply.ts";
import { Bells } from "./bells.ts";
import { claimFrom } from "../state/claim.ts";
import { ExpirySweep } from "./expiry-sweep.ts";
import { extendLease } from "../state/extend.ts";
import { judge } from "../state/judge.ts";
import { MemoryState } from "../state/memory-state.ts";
import { scanPage } from "../state/scan.ts";
import { TurnGroup } from "./turn-group.ts";

/** The engine that keeps everything in this process and nothing beyond it. */
export type MemoryEngine = Engine;

/** Limits and clock of a memory engine; each has a default. */
export interface MemoryEngineOptions {
  /** Judges leases and due times. Default the system's. */
  readonly clock?: Clock;
  /** Largest body, event or cell value in bytes. Default 1 MiB. */
  readonly payloadBytesMax?: number;
  /** Most changes in one commit. Default 10,000. */
  readonly changesMax?: number;
  /** Calls that may wait for their turn; beyond it they are refused with StorageError `busy`. Default 100,000. */
  readonly waitingMax?: number;
  /** How often expired cells, dedup keys and inbox entries are freed, in milliseconds. They count as absent at once. Default 10 s. */
  readonly maintenanceMs?: number;
}

/** Opens an empty engine of durability `memory`: a full engine with the same rules as all others, for tests, simulation and work that
 *  may be lost with its process. Every move of a message costs O(log n) of its queue, every count and point read O(1). Throws ConfigError. */
export async function openMemoryEngine(options: MemoryEngineOptions = {}): Promise<MemoryEngine> {
  return new InMemory(options);
}

const committed = telemetryChannel("ashlar.engine.commit");
const claimed = telemetryChannel("ashlar.engine.claim");

class InMemory implements Engine {
  readonly can: Capabilities;
  readonly clock: Clock;
  readonly #state = new MemoryState();
  readonly #bells = new Bells();
  readonly #group: TurnGroup;
  readonly #sweep: ExpirySweep;
  readonly #topics: Set<BellTopic> = new Set();
  #changesInGroup = 0;
  #isDisposed = false;

  constructor(options: MemoryEngineOptions) {
    const { clock = systemClock, payloadBytesMax = payloadBytesDefault, changesMax = changesDefault } = options;
    this.clock = clock;
    this.can = {
      engine: "memory",
      durability: "memory",
      sharing: "one process",
      parts: everyPart,
      transactions: "none",
      payloadBytesMax: integerIn("payloadBytesMax", payloadBytesMax, { min: 1 }),
      changesMax: integerIn("changesMax", changesMax, { min: 1 }),
    };
    const waitingMax = integerIn("waitingMax", options.waitingMax ?? waitingDefault, { min: 1 });
    const maintenanceMs = integerIn("maintenanceMs", options.maintenanceMs ?? 10_000, { min: 1 });
    this.#group = new TurnGroup(clock, waitingMax, (runAll) => this.#runGroup(runAll));
    this.#sweep = new ExpirySweep(this.#state, clock, maintenanceMs);
  }

  async commit(changes: readonly Change[]): Promise<CommitResult> {
    this.#refuseWhenDisposed();
    validateChanges(changes, this.can);
    // The caller may go on with its own array before the turn comes.
    const list = changes.slice();
    return this.#group.run(() => this.#commitNow(list));
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    this.#refuseWhenDisposed();
    validateClaim(request);
    return this.#group.run(() => this.#claimNow(request));
  }

  async extend(receipts: readonly Receipt[], leaseMs: number): Promise<readonly boolean[]> {
    this.#refuseWhenDisposed();
    validateLease(leaseMs);
    const list = receipts.slice();
    return this.#group.run(() =>
      list.map((receipt) => extendLease(this.#state, receipt, { leaseMs, nowMs: this.clock.now() })),
    );
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    this.#refuseWhenDisposed();
    validateRead(request);
    return this.#state.logs.get(request.log)?.read(request) ?? { events: [], through: request.after, head: 0 };
  }

  async stream(request: StreamRequest): Promise<readonly RecordedEvent[]> {
    this.#refuseWhenDisposed();
    validateStream(request);
    return this.#state.logs.get(request.log)?.stream(request.stream, request.after, request.limit) ?? [];
  }

  async get(cells: readonly CellKey[]): Promise<readonly (Cell | undefined)[]> {
    this.#refuseWhenDisposed();
    const nowMs = this.clock.now();
    return cells.map(({ space, key }) => this.#state.spaces.get(space)?.cells.get(key, nowMs));
  }

  async *scan<Q extends ScanQuery>(query: Q): AsyncGenerator<ScanRow<Q>> {
    this.#refuseWhenDisposed();
    // One page is one look at the state: rows that change while the caller works on it show as they were.
    // Not yield*: that would take three promise jobs a row.
    for (const row of scanPage(this.#state, query, this.clock.now()) as readonly ScanRow<Q>[]) yield row;
  }

  bell(topics: readonly BellTopic[], ring: () => void): Disposable {
    this.#refuseWhenDisposed();
    return this.#bells.add(topics, ring);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#group.idle();
    this.#sweep.stop();
    this.#bells.clear();
  }

  #refuseWhenDisposed(): void {
    if (this.#isDisposed) throw new DisposedError("the memory engine");
  }

  #commitNow(changes: readonly Change[]): CommitResult {
    const nowMs = this.clock.now();
    const refused = judge(this.#state, changes, nowMs);
    if (refused !== undefined) return refused;
    const applying = { state: this.#state, nowMs, topics: this.#topics };
    this.#changesInGroup += changes.length;
    return { committed: true, outcomes: changes.map((change) => applyChange(change, applying)) };
  }

  #claimNow(request: ClaimRequest): ClaimResult {
    const startedMs = claimed.active ? this.clock.monotonic() : 0;
    const queue = this.#state.queues.get(request.queue);
    if (queue === undefined) return { claims: [], nextDueAtMs: undefined };
    const { result, moved } = claimFrom(queue, request, this.clock.now());
    if (moved > 0 && queue.counts.ready + queue.counts.suspect > 0) this.#topics.add(`queue:${request.queue}`);
    if (claimed.active) {
      const durationMs = this.clock.monotonic() - startedMs;
      const { queue: name, count: asked } = request;
      claimed.publish({ engine: "memory", queue: name, asked, ready: result.claims.length, durationMs });
    }
    return result;
  }

  #runGroup(runAll: () => number): void {
    const startedMs = committed.active ? this.clock.monotonic() : 0;
    const lists = runAll();
    if (committed.active) {
      const durationMs = this.clock.monotonic() - startedMs;
      committed.publish({ engine: "memory", lists, changes: this.#changesInGroup, durationMs, outcome: "committed" });
    }
    this.#changesInGroup = 0;
    this.#sweep.arm();
    if (this.#topics.size === 0) return;
    const topics = new Set(this.#topics);
    this.#topics.clear();
    this.#bells.ring(topics);
  }
}
