import type { AmqpBroker } from "../../drivers/amqp/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import type { Names } from "./names.ts";

/** How old a count may be while a queue is well below its limit. */
const countMaxAgeMs = 1_000;

/** How many messages wait in the lanes of a queue at the broker: its own count, plus what this process has added since. */
export class Depth {
  readonly #broker: AmqpBroker;
  readonly #names: Names;
  readonly #lanes: number;
  readonly #clock: Clock;
  readonly #counts = new Map<string, { readonly atMs: number; depth: number }>();

  constructor(parts: {
    readonly broker: AmqpBroker;
    readonly names: Names;
    readonly lanes: number;
    readonly clock: Clock;
  }) {
    this.#broker = parts.broker;
    this.#names = parts.names;
    this.#lanes = parts.lanes;
    this.#clock = parts.clock;
  }

  /** The depth as it was counted lately; undefined near the limit, where it has to be counted anew. */
  known(queue: string, depthMax: number, adding: number): number | undefined {
    const known = this.#counts.get(queue);
    const isFresh = known !== undefined && this.#clock.monotonic() - known.atMs < countMaxAgeMs;
    return isFresh && (known.depth + adding) * 2 < depthMax ? known.depth : undefined;
  }

  async counted(queue: string): Promise<number> {
    const depth = await this.#broker.ask("counting", async (wire) => {
      let count = 0;
      for (let lane = 0; lane < this.#lanes; lane++)
        count += (await wire.checkQueue(this.#names.lane(queue, lane))).messageCount;
      return count;
    });
    this.#counts.set(queue, { atMs: this.#clock.monotonic(), depth });
    return depth;
  }

  added(queue: string, count: number): void {
    const known = this.#counts.get(queue);
    if (known !== undefined) known.depth += count;
  }
}
