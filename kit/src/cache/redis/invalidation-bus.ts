import type { RedisDatabase } from "../../drivers/redis/mod.ts";
import { textOf } from "../../errors/mod.ts";
import { messageOf } from "../bus-text.ts";
import type { BusListener, BusMessage, BusSubscription, InvalidationBus } from "../invalidation-bus.ts";
import { busScript } from "./bus-script.ts";

/** Options of {@link redisBus}. */
export interface RedisBusOptions {
  /** Name of the channel, and of the key with its count, 1 to 128 characters. Default "cache:changes". */
  readonly channel?: string;
}

/**
 * A channel on a Redis server; the database stays the caller's to close. Each subscription has a connection of its own. Messages that are sent while
 * it is lost are not heard; the next number, or `latest`, tells. Numbers have no gaps but where the server lost the count. Throws ConfigError.
 */
export function redisBus(database: RedisDatabase, options: RedisBusOptions = {}): InvalidationBus {
  return new RedisBus(database, textOf("channel", options.channel ?? "cache:changes", { lengthMax: 128 }));
}

class RedisBus implements InvalidationBus {
  readonly #database: RedisDatabase;
  readonly #channel: string;

  constructor(database: RedisDatabase, channel: string) {
    this.#database = database;
    this.#channel = channel;
  }

  publish(message: BusMessage): Promise<number> {
    return this.#count(JSON.stringify(message));
  }

  async subscribe(listener: BusListener): Promise<BusSubscription> {
    const delivery = new Delivery(listener);
    const subscription = await this.#database.subscribe([this.#channel], {
      message: (text) => delivery.hear(text),
      listening: () => undefined,
    });
    try {
      const sequence = await this.latest();
      delivery.begin(sequence);
      return {
        sequence,
        [Symbol.asyncDispose]: async () => {
          delivery.end();
          await subscription[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      await subscription[Symbol.asyncDispose]();
      throw error;
    }
  }

  latest(): Promise<number> {
    return this.#count("");
  }

  async #count(message: string): Promise<number> {
    const rest = [this.#channel, message];
    const last = await this.#database.run(busScript, {
      keys: [this.#channel],
      values: ["known", ...rest],
      valuesWhenUnknown: ["new", ...rest],
    });
    return Number(last);
  }
}

/** Messages in the order of their arrival, from the beginning of the subscription on. */
class Delivery {
  readonly #listener: BusListener;
  #state: "beginning" | "heard" | "ended" = "beginning";
  /** What came while the number at the beginning was asked for: a moment's messages. */
  readonly #early: [BusMessage, number][] = [];

  constructor(listener: BusListener) {
    this.#listener = listener;
  }

  hear(text: string): void {
    const at = text.indexOf(" ");
    const sequence = Number(text.slice(0, at));
    const message = messageOf(text.slice(at + 1));
    // Somebody else's words; its number, if any, will be missed by the listener.
    if (message === undefined || !Number.isSafeInteger(sequence)) return;
    if (this.#state === "beginning") this.#early.push([message, sequence]);
    else if (this.#state === "heard") this.#listener(message, sequence);
  }

  begin(sequence: number): void {
    this.#state = "heard";
    for (const [message, number] of this.#early.splice(0)) if (number > sequence) this.#listener(message, number);
  }

  end(): void {
    this.#state = "ended";
  }
}
