import { gate } from "../../abort/mod.ts";
import type { Listener, PostgresDatabase } from "../../drivers/postgres/mod.ts";
import type { Carrier, Parcel, Slip, Taker } from "../carrier.ts";
import { BusError } from "../errors.ts";
import { fits } from "../subjects.ts";

/** A notification carries 8,000 bytes, in which the address and the slip have their place. */
const payloadBytesMax = 7_999;
const bodyBytesMax = 7_500;

/** The way over one channel of NOTIFY: everybody hears everything, and takes what is his. */
export class PostgresCarrier implements Carrier {
  readonly name = "postgres";
  readonly bodyBytesMax: number = bodyBytesMax;
  readonly groups = "none";
  readonly #database: PostgresDatabase;
  readonly #channel: string;
  readonly #takers = new Set<Taker>();
  readonly #heard = gate();
  #listener: Listener | undefined;
  #lives = 0;

  constructor(database: PostgresDatabase, channel: string) {
    this.#database = database;
    this.#channel = channel;
  }

  async send({ address, body, slip }: Parcel): Promise<void> {
    const payload = JSON.stringify([address, body, slip]);
    // Quotes and control characters take more room than they have bytes.
    if (Buffer.byteLength(payload) > payloadBytesMax)
      throw new BusError(
        "too-long",
        `a message of ${Buffer.byteLength(payload)} bytes as JSON; NOTIFY carries ${payloadBytesMax}`,
      );
    await this.#database.notify(this.#channel, payload);
  }

  async listen(taker: Taker): Promise<AsyncDisposable> {
    const own = { ...taker };
    this.#takers.add(own);
    this.#listener ??= this.#database.listen(this.#channel, {
      notification: (payload) => this.#take(payload),
      listening: () => this.#listening(),
    });
    await this.#heard.promise;
    return { [Symbol.asyncDispose]: async () => void this.#takers.delete(own) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener?.[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }

  #listening(): void {
    this.#heard.open();
    if (this.#lives++ > 0) for (const taker of this.#takers) taker.gap();
  }

  #take(payload: string): void {
    const parcel = parcelOf(payload);
    if (parcel === undefined) return;
    for (const taker of this.#takers) if (fits(taker.pattern, parcel.address)) taker.take(parcel);
  }
}

/** What somebody else sent on the channel is no message. */
function parcelOf(payload: string): Parcel | undefined {
  try {
    const [address, body, slip] = JSON.parse(payload) as [unknown, unknown, Slip];
    return typeof address === "string" && typeof body === "string" ? { address, body, slip } : undefined;
  } catch {
    return undefined;
  }
}
