import { fingerprint } from "../../codec/mod.ts";
import type { AmqpBroker, OpenChannel, Publisher, WireMessage } from "../../drivers/amqp/mod.ts";
import type { Carrier, Parcel, Taker } from "../carrier.ts";

/** What is larger holds up everything else on the connection. */
const bodyBytesMax = 1_048_576;

/** The way over a topic exchange: each taker has a queue of its own, which goes with its connection; a group shares one. Nothing is stored on disk. */
export class AmqpCarrier implements Carrier {
  readonly name = "amqp";
  readonly bodyBytesMax: number = bodyBytesMax;
  readonly groups = "kept";
  readonly #broker: AmqpBroker;
  readonly #exchange: string;
  readonly #publisher: Publisher;

  constructor(broker: AmqpBroker, prefix: string) {
    this.#broker = broker;
    this.#exchange = `${prefix}.bus`;
    this.#publisher = broker.publisher((channel) => this.#declare(channel));
  }

  async send({ address, body, slip }: Parcel): Promise<void> {
    const { id, answerTo, failed } = slip;
    const exchange = this.#exchange;
    const properties = { correlationId: id, replyTo: answerTo, type: failed };
    const message = { exchange, routingKey: address, content: body, ...properties };
    await this.#publisher.publish({ ...message, durable: "no", unrouted: "drop" });
  }

  async listen(taker: Taker): Promise<AsyncDisposable> {
    const prepare = async (channel: OpenChannel): Promise<void> => {
      const { wire } = channel;
      await this.#declare(channel);
      const { queue } = await wire.assertQueue(this.#queueOf(taker), {
        durable: false,
        autoDelete: true,
        exclusive: taker.group === undefined,
      });
      // The word below is one at least, as in ">".
      await wire.bindQueue(queue, this.#exchange, taker.pattern.replace(/\.>$/, ".*.#"));
      await wire.consume(queue, (message) => void (message !== null && taker.take(parcelOf(message))), { noAck: true });
    };
    const consumer = this.#broker.consumer(prepare, { listening: (life) => life === "again" && taker.gap() });
    try {
      await consumer.listening();
      return consumer;
    } catch (error) {
      await consumer[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher[Symbol.asyncDispose]();
    await this.#broker[Symbol.asyncDispose]();
  }

  /** Empty: the broker finds a name. */
  #queueOf({ group, pattern }: Taker): string {
    return group === undefined ? "" : `${this.#exchange}.${fingerprint(`${group} ${pattern}`)}`;
  }

  async #declare({ wire }: OpenChannel): Promise<void> {
    await wire.assertExchange(this.#exchange, "topic", { durable: true });
  }
}

function parcelOf({ fields, content, properties }: WireMessage): Parcel {
  const failed = properties.type === "yes" ? ("yes" as const) : undefined;
  const slip = { id: properties.correlationId, answerTo: properties.replyTo, failed };
  return { address: fields.routingKey, body: new TextDecoder().decode(content), slip };
}
