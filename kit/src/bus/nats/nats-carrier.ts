import { fingerprint } from "../../codec/mod.ts";
import type { NatsConnection, NatsReply } from "../../drivers/nats/mod.ts";
import type { Carrier, Parcel, Slip, Taker } from "../carrier.ts";

/** What is larger holds up everything else on the connection. */
const bodyBytesMax = 1_048_576;
/** The server's limit counts the slip, too. */
const slipBytesMax = 512;

/** The way over subjects of core NATS: the server knows who hears what, and of a queue group picks one. Nothing is stored. */
export class NatsCarrier implements Carrier {
  readonly name = "nats";
  readonly bodyBytesMax: number;
  readonly groups = "kept";
  readonly #connection: NatsConnection;
  readonly #root: string;

  constructor(connection: NatsConnection, prefix: string) {
    this.#connection = connection;
    this.#root = `${prefix}.bus.`;
    this.bodyBytesMax = Math.min(bodyBytesMax, connection.messageBytesMax - slipBytesMax);
  }

  async send({ address, body, slip }: Parcel): Promise<void> {
    await this.#connection.send(`${this.#root}${address}`, body, headersOf(slip));
  }

  async listen({ pattern, group, take, gap }: Taker): Promise<AsyncDisposable> {
    const connection = this.#connection;
    let refusal: Error | undefined;
    // The server takes queues of one name for one group, whatever the pattern.
    const queue = group === undefined ? undefined : fingerprint(`${group} ${pattern}`);
    const hearing = connection.hear(`${this.#root}${pattern}`, (message) => take(this.#parcelOf(message)), {
      queue,
      refused: (error) => (refusal = error),
    });
    // Only behind the flush is it certain that the server hears again for this taker.
    const again = (): void => void connection.flush().then(gap, () => undefined);
    const watching = connection.watch((state) => state === "connected" && again());
    const end = (): void => {
      watching[Symbol.dispose]();
      hearing[Symbol.dispose]();
    };
    try {
      await connection.flush();
      if (refusal !== undefined) throw refusal;
    } catch (error) {
      end();
      throw error;
    }
    return { [Symbol.asyncDispose]: async () => end() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  #parcelOf({ subject, data, headers }: NatsReply): Parcel {
    const field = (name: string): string | undefined => (headers?.has(name) === true ? headers.get(name) : undefined);
    const failed = field("failed") === "yes" ? ("yes" as const) : undefined;
    const slip = { id: field("id"), answerTo: field("answer-to"), failed };
    return { address: subject.slice(this.#root.length), body: new TextDecoder().decode(data), slip };
  }
}

function headersOf({ id, answerTo, failed }: Slip): Readonly<Record<string, string>> | undefined {
  const fields = Object.entries({ id, "answer-to": answerTo, failed });
  const given = fields.filter((field): field is [string, string] => field[1] !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}
