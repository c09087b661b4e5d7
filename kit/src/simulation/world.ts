import type { Clock } from "../clock/mod.ts";
import { ConfigError, textOf } from "../errors/mod.ts";
import type { Random } from "../random/mod.ts";
import { Counters } from "./counters.ts";
import type { DriverName } from "./driver-system.ts";
import { DeadlockError, InvariantBrokenError } from "./errors.ts";
import type { Strand } from "./event-source.ts";
import { type Kernel, kernel, type KernelEnd, type KernelLimits } from "./kernel.ts";
import { Network } from "./network.ts";
import type { NetworkLaw } from "./network-law.ts";
import { MachineTime, NodeClock } from "./node-clock.ts";
import { type NodeDefinition, SimulatedNode } from "./node.ts";
import type { Strategy } from "./strategy.ts";
import { Sockets } from "./sockets.ts";
import { Waits } from "./waits.ts";

/** How a world is made. */
export interface WorldOptions {
  readonly seed: number | string;
  /** Default: random. */
  readonly strategy?: Strategy | undefined;
  readonly driver?: DriverName | undefined;
  /** What differs from a calm network. */
  readonly network?: Partial<NetworkLaw> | undefined;
}

export type { World };

/** A world at time 0, without nodes. */
export function world(options: WorldOptions): World {
  return new World(options);
}

/** Nodes, the network between them, and the time that all of them share. Made by {@link world}. */
class World {
  readonly kernel: Kernel;
  readonly network: Network;
  /** True time, for those who stand outside: load, checks, the harness. */
  readonly clock: Clock;
  readonly counters: Counters = new Counters();
  readonly waits: Waits;
  /** The law of the network when no fault changes it. */
  readonly calmLaw: NetworkLaw;
  /** Real things that are released when the run is over: folders, files. */
  readonly resources: AsyncDisposableStack = new AsyncDisposableStack();
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #random: Random;
  readonly #harness: Strand;
  readonly #sockets: Sockets;

  constructor({ seed, strategy, driver, network = {} }: WorldOptions) {
    this.kernel = kernel({ seed, strategy, driver });
    this.network = new Network(this.kernel, { law: network, counters: this.counters });
    this.#sockets = new Sockets(this.network);
    this.calmLaw = this.network.law;
    this.#harness = this.kernel.strand("harness");
    this.clock = new NodeClock(this.kernel, new MachineTime(this.kernel), this.#harness);
    this.waits = new Waits(this.kernel);
    this.#random = this.kernel.random.stream("harness");
  }

  get nodes(): ReadonlyMap<string, SimulatedNode> {
    return this.#nodes;
  }

  /** A stream of chance for one purpose of the harness. */
  random(purpose: string): Random {
    return this.#random.stream(purpose);
  }

  /** Adds a machine; its process is started by `start`. Throws {@link ConfigError} for a name that is taken. */
  node(name: string, definition: NodeDefinition): SimulatedNode {
    if (this.#nodes.has(textOf("name", name))) throw new ConfigError("name", name, "a name that no other node has");
    const { kernel, network, counters, waits } = this;
    const parts = { kernel, network, sockets: this.#sockets, counters, waits };
    const node = new SimulatedNode(name, definition, parts);
    this.#nodes.set(name, node);
    return node;
  }

  /** Says that something happened that a fleet of runs wants to have seen. */
  sometimes(name: string): void {
    this.counters.count(name);
  }

  /** `check` must hold between any two events; it is asked after each `every` of them (default 100), and throws when it does not. */
  invariant(name: string, check: () => void, every = 100): void {
    this.kernel.check(every, () => {
      try {
        check();
      } catch (error) {
        throw new InvariantBrokenError(name, error);
      }
    });
  }

  /** A part of the harness that must come to an end; listed by name when it does not. Its failure is the run's. */
  task<T>(name: string, work: () => Promise<T>): Promise<T> {
    const result = this.waits.until("harness", name, work());
    result.catch((error: unknown) => this.kernel.fail(error));
    return result;
  }

  /**
   * Runs `script` and the world around it until the script is over, and gives its result. Rejects with what failed first: the script, an
   * invariant, code that threw where nobody catches; with {@link DeadlockError} when nothing is left that could happen and the script is not over.
   * `limits` end it early, and then the result is undefined.
   */
  async run<T>(script: () => Promise<T>, limits: KernelLimits = {}): Promise<T | undefined> {
    let outcome: { readonly value: T } | undefined;
    const start = this.kernel.source(this.#harness, "start");
    this.kernel.schedule(start, this.kernel.nowMs, () => {
      void this.task("the scenario", async () => {
        outcome = { value: await script() };
        this.kernel.stop();
      });
    });
    const end: KernelEnd = await this.kernel.run(limits);
    if (end.why === "failed") throw end.error;
    if (end.why === "empty" && outcome === undefined) throw new DeadlockError(this.kernel.nowMs, this.waits.all);
    return outcome?.value;
  }
}
