import type { Clock } from "../../clock/mod.ts";
import { type Engine, StorageError } from "../../engine/mod.ts";
import { openMemoryEngine } from "../../engine/memory/mod.ts";
import { invariant } from "../../errors/mod.ts";
import { gate } from "../../abort/mod.ts";
import type { Random } from "../../random/mod.ts";
import type { NodeHost, SimulatedNode, World } from "../mod.ts";

/** What the way to a store does to calls. */
export interface StoreFaults {
  /** Share of calls that find the store busy or full: StorageError, and nothing was applied. Default 0. */
  readonly refused?: number | undefined;
  readonly refusal?: "busy" | "full" | undefined;
  /** Longest time a call takes in each direction. Default 0: the next turn. */
  readonly delayMaxMs?: number | undefined;
  /** Share of bells that do not ring. Default 0. */
  readonly bellsLost?: number | undefined;
}

const stores = new WeakMap<World, SimulatedStore>();

/** The store of a world, for what a plan does to it. */
export function storeOf(world: World): SimulatedStore {
  const store = stores.get(world);
  invariant(store !== undefined, "the scenario has made its store before chaos begins");
  return store;
}

/**
 * A memory engine on a machine of its own, which all nodes share and which never dies, so that what is proved of the code above it does not
 * depend on any one store. Calls of a process take effect in their order, also when their process dies meanwhile; answers reach living processes only.
 */
export class SimulatedStore {
  readonly node: SimulatedNode;
  readonly #world: World;
  readonly #engine = gate<Engine>();
  readonly #random: Random;
  readonly #faults = new Map<string, StoreFaults>();
  readonly #onTheWay = new Set<Promise<void>>();

  constructor(world: World, name: string = "store") {
    this.#world = world;
    stores.set(world, this);
    this.#random = world.random("store");
    this.node = world.node(name, {
      start: async ({ clock }) => this.#engine.open(await openMemoryEngine({ clock })),
    });
  }

  /** The engine itself, for those who stand outside and look. */
  get engine(): Promise<Engine> {
    return this.#engine.promise;
  }

  /** What happens from now on to the calls of a node; `{}` heals. */
  setFaults(node: string, faults: StoreFaults): void {
    this.#faults.set(node, faults);
  }

  /** Resolves once the calls that are on a slow way to the store now have taken effect, those of dead processes too. */
  async arrived(): Promise<void> {
    await Promise.all(this.#onTheWay);
  }

  /** The engine as a process of another node sees it. */
  async open(host: NodeHost): Promise<Engine> {
    const engine = await host.fence(this.#engine.promise);
    const way = new Way(host, engine.clock, {
      faults: () => this.#faults.get(host.name) ?? {},
      random: this.#random,
      onTheWay: this.#onTheWay,
    });
    way.refused = () => this.#world.sometimes("store: refused");
    return {
      can: engine.can,
      clock: clockOf(host.clock, engine.clock),
      commit: (changes) => way.call(() => engine.commit(changes)),
      claim: (request) => way.call(() => engine.claim(request)),
      extend: (receipts, leaseMs) => way.call(() => engine.extend(receipts, leaseMs)),
      read: (request) => way.call(() => engine.read(request)),
      stream: (request) => way.call(() => engine.stream(request)),
      get: (cells) => way.call(() => engine.get(cells)),
      async *scan(query) {
        // Not yield*: that would take three promise jobs a row.
        for (const row of await way.call(() => Array.fromAsync(engine.scan(query)))) yield row;
      },
      bell: (topics, ring) => {
        const bell = engine.bell(topics, () => way.ring(ring));
        host.attach({ die: () => bell[Symbol.dispose]() });
        return bell;
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

/** The store's wall clock, and the process's own timers. */
function clockOf(own: Clock, store: Clock): Clock {
  return {
    now: () => store.now(),
    monotonic: () => own.monotonic(),
    setTimer: (delayMs, ring, options) => own.setTimer(delayMs, ring, options),
    sleep: (delayMs, options) => own.sleep(delayMs, options),
    nextTurn: (run) => own.nextTurn(run),
  };
}

interface WayOptions {
  readonly faults: () => StoreFaults;
  readonly random: Random;
  readonly onTheWay: Set<Promise<void>>;
}

/** Between a process and the store, there and back; neither direction lets a call overtake another. */
class Way {
  readonly #host: NodeHost;
  readonly #store: Clock;
  readonly #options: WayOptions;
  refused: () => void = () => undefined;
  #thereMs = 0;
  #backMs = 0;

  constructor(host: NodeHost, store: Clock, options: WayOptions) {
    this.#host = host;
    this.#store = store;
    this.#options = options;
  }

  call<T>(work: () => Promise<T>): Promise<T> {
    const { refused = 0, refusal = "busy", delayMaxMs = 0 } = this.#options.faults();
    return new Promise((resolve, reject) => {
      if (refused > 0 && this.#options.random.next() < refused) {
        this.refused();
        return this.#back(delayMaxMs, () => reject(new StorageError(refusal, "the store refuses calls for a while")));
      }
      const ask = (): Promise<void> =>
        work().then(
          (value) => this.#back(delayMaxMs, () => resolve(value)),
          (error: unknown) => this.#back(delayMaxMs, () => reject(error)),
        );
      this.#there(delayMaxMs, ask);
    });
  }

  ring(ring: () => void): void {
    const { bellsLost = 0, delayMaxMs = 0 } = this.#options.faults();
    if (bellsLost > 0 && this.#options.random.next() < bellsLost) return;
    this.#back(delayMaxMs, ring);
  }

  // On the store's clock, because a call that is under way arrives also when its caller is dead.
  #there(delayMaxMs: number, ask: () => Promise<void>): void {
    const nowMs = this.#store.monotonic();
    this.#thereMs = Math.max(this.#thereMs, nowMs + this.#delay(delayMaxMs));
    if (this.#thereMs <= nowMs) return void ask();
    const { onTheWay } = this.#options;
    const arrival = gate();
    onTheWay.add(arrival.promise);
    const arrive = async (): Promise<void> => {
      await ask();
      onTheWay.delete(arrival.promise);
      arrival.open();
    };
    this.#store.setTimer(this.#thereMs - nowMs, () => void arrive());
  }

  #back(delayMaxMs: number, run: () => void): void {
    const { clock } = this.#host;
    const nowMs = clock.monotonic();
    this.#backMs = Math.max(this.#backMs, nowMs + this.#delay(delayMaxMs));
    if (this.#backMs <= nowMs) clock.nextTurn(run);
    else clock.setTimer(this.#backMs - nowMs, run);
  }

  #delay(delayMaxMs: number): number {
    return delayMaxMs === 0 ? 0 : this.#options.random.next() * delayMaxMs;
  }
}
