import type { RedisDatabase, RedisSubscription } from "../../drivers/redis/mod.ts";
import type { Carrier, Parcel, Slip, Taker } from "../carrier.ts";
import { fits } from "../subjects.ts";

/** The server cuts whoever has some 8 to 32 MB of messages unread: larger ones get there soon. */
const bodyBytesMax = 1_048_576;

/** The way over one channel of PUBLISH: everybody hears everything, and takes what is his. */
export class RedisCarrier implements Carrier {
  readonly name = "redis";
  readonly bodyBytesMax: number = bodyBytesMax;
  readonly groups = "none";
  readonly #database: RedisDatabase;
  readonly #channel: string;
  readonly #takers = new Set<Taker>();
  #subscribing: Promise<RedisSubscription> | undefined;
  #lives = 0;

  constructor(database: RedisDatabase, channel: string) {
    this.#database = database;
    this.#channel = channel;
  }

  async send({ address, body, slip }: Parcel): Promise<void> {
    await this.#database.send(["PUBLISH", this.#channel, JSON.stringify([address, body, slip])]);
  }

  async listen(taker: Taker): Promise<AsyncDisposable> {
    const own = { ...taker };
    this.#takers.add(own);
    try {
      await this.#hear();
    } catch (error) {
      this.#takers.delete(own);
      throw error;
    }
    return { [Symbol.asyncDispose]: async () => void this.#takers.delete(own) };
  }

  /** Ends the subscription too. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }

  /** One connection hears for all; when its first attempt fails, the next taker tries anew. */
  async #hear(): Promise<void> {
    this.#subscribing ??= this.#database.subscribe([this.#channel], {
      message: (text) => this.#take(text),
      listening: () => this.#listening(),
    });
    try {
      await this.#subscribing;
    } catch (error) {
      this.#subscribing = undefined;
      throw error;
    }
  }

  #listening(): void {
    if (this.#lives++ > 0) for (const taker of this.#takers) taker.gap();
  }

  #take(text: string): void {
    const parcel = parcelOf(text);
    if (parcel === undefined) return;
    for (const taker of this.#takers) if (fits(taker.pattern, parcel.address)) taker.take(parcel);
  }
}

/** What somebody else sent on the channel is no message. */
function parcelOf(text: string): Parcel | undefined {
  try {
    const [address, body, slip] = JSON.parse(text) as [unknown, unknown, Slip];
    return typeof address === "string" && typeof body === "string" ? { address, body, slip } : undefined;
  } catch {
    return undefined;
  }
}
