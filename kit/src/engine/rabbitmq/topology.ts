import type { AmqpBroker, WireChannel } from "../../drivers/amqp/mod.ts";
import { declareLadder } from "./ladder.ts";
import type { Names } from "./names.ts";
import type { ResolvedOptions } from "./options.ts";

type Declared = "ladder" | "lanes" | "delays" | "dead";

/** Declares each queue once, before it is first used, and again when the broker has forgotten it. */
export class Topology {
  readonly #broker: AmqpBroker;
  readonly #names: Names;
  readonly #lanes: number;
  readonly #shape: Readonly<Record<string, unknown>>;
  readonly #losses = new Map<string, number>();
  readonly #declared = { ladder: asked(), lanes: asked(), delays: asked(), dead: asked() };

  constructor(broker: AmqpBroker, names: Names, { lanes, members }: ResolvedOptions) {
    this.#broker = broker;
    this.#names = names;
    this.#lanes = lanes;
    const size = members === 1 ? {} : { "x-quorum-initial-group-size": members };
    this.#shape = { "x-queue-type": "quorum", ...size };
  }

  lanesOf(queue: string): Promise<void> {
    return this.#once("lanes", queue, async (wire) => {
      for (let lane = 0; lane < this.#lanes; lane++) await this.#queue(wire, this.#names.lane(queue, lane));
    });
  }

  deadOf(queue: string): Promise<void> {
    return this.#once("dead", queue, (wire) => this.#queue(wire, this.#names.dead(queue)));
  }

  /** The ladder, and the way from it to the lanes of the queue. */
  async delaysOf(queue: string): Promise<void> {
    await this.#once("ladder", "", (wire) => declareLadder(wire, this.#names, this.#shape));
    await this.lanesOf(queue);
    await this.#once("delays", queue, async (wire) => {
      for (let lane = 0; lane < this.#lanes; lane++)
        await wire.bindQueue(this.#names.lane(queue, lane), this.#names.due, `#.${this.#names.address(queue, lane)}`);
    });
  }

  /** A queue is gone at the broker: it is declared again when it is next used. */
  forget(queue: string): void {
    const { ladder, lanes, delays, dead } = this.#declared;
    for (const asked of [lanes, delays, dead]) asked.delete(queue);
    ladder.clear();
    this.#losses.set(queue, this.lossesOf(queue) + 1);
  }

  /** How often the queue was gone: who consumes from it must do so anew, for the broker may not tell him. */
  lossesOf(queue: string): number {
    return this.#losses.get(queue) ?? 0;
  }

  async #queue(wire: WireChannel, name: string): Promise<void> {
    await wire.assertQueue(name, { durable: true, arguments: this.#shape });
  }

  #once(what: Declared, queue: string, declare: (wire: WireChannel) => Promise<void>): Promise<void> {
    const asked = this.#declared[what];
    let declared = asked.get(queue);
    if (declared === undefined) {
      declared = this.#broker.ask("declaring queues", declare);
      asked.set(queue, declared);
      declared.catch(() => asked.delete(queue));
    }
    return declared;
  }
}

function asked(): Map<string, Promise<void>> {
  return new Map();
}
