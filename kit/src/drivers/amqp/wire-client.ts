/** Fields of a header table, as far as the driver writes them. */
export type HeaderTable = Readonly<Record<string, unknown>>;

/** What travels with a message, by the names of AMQP. */
export interface MessageProperties {
  readonly messageId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly contentType?: string | undefined;
  readonly type?: string | undefined;
  readonly timestamp?: number | undefined;
  readonly headers?: HeaderTable | undefined;
}

/** A message that arrived. */
export interface WireMessage {
  readonly content: Uint8Array;
  readonly properties: MessageProperties;
  readonly fields: {
    readonly deliveryTag: number;
    readonly redelivered: boolean;
    readonly exchange: string;
    readonly routingKey: string;
    /** Absent on messages that were fetched. */
    readonly consumerTag?: string;
  };
}

/** How a queue is declared. */
export interface QueueShape {
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments?: HeaderTable;
}

/** How a message is published. `mandatory`: the broker says so when no queue takes it. */
export interface PublishShape extends MessageProperties {
  readonly persistent?: boolean;
  readonly mandatory?: boolean;
  readonly expiration?: string;
}

/** The part of a channel of `amqplib` that the driver uses. */
export interface WireChannel {
  assertQueue(queue: string, shape?: QueueShape): Promise<{ readonly queue: string; readonly messageCount: number }>;
  checkQueue(queue: string): Promise<{ readonly messageCount: number; readonly consumerCount: number }>;
  deleteQueue(queue: string): Promise<{ readonly messageCount: number }>;
  bindQueue(queue: string, exchange: string, pattern: string): Promise<unknown>;
  unbindQueue(queue: string, exchange: string, pattern: string): Promise<unknown>;
  assertExchange(exchange: string, type: string, shape?: QueueShape): Promise<unknown>;
  bindExchange(to: string, from: string, pattern: string): Promise<unknown>;
  deleteExchange(exchange: string): Promise<unknown>;
  /** `confirmed` is called on confirm channels only. */
  publish(
    exchange: string,
    routingKey: string,
    content: string | Uint8Array,
    shape: PublishShape,
    confirmed?: (error: unknown) => void,
  ): boolean;
  consume(
    queue: string,
    deliver: (message: WireMessage | null) => void,
    shape?: { readonly noAck?: boolean; readonly exclusive?: boolean },
  ): Promise<{ readonly consumerTag: string }>;
  cancel(consumerTag: string): Promise<unknown>;
  get(queue: string, shape?: { readonly noAck?: boolean }): Promise<WireMessage | false>;
  ack(message: WireMessage): void;
  /** Hands the message back to its queue. */
  nack(message: WireMessage): void;
  /** For consumers that are started later. */
  prefetch(count: number): Promise<unknown>;
  close(): Promise<void>;
  listeners(event: "delivery"): readonly unknown[];
  removeAllListeners(event: "delivery"): unknown;
  on(event: "delivery", heard: (message: WireMessage) => void): unknown;
  on(event: "error", heard: (error: Error) => void): unknown;
  on(event: "close", heard: () => void): unknown;
  on(event: "return", heard: (message: WireMessage) => void): unknown;
}

/** The part of a socket that the driver uses. */
export interface WireStream {
  write: (chunk: Uint8Array) => boolean;
  end: () => unknown;
  readonly writableNeedDrain: boolean;
  destroy(error?: Error): void;
}

/** A publication as the library hands it over to be put into frames: fields of the method and properties in one. */
export interface WirePublication extends MessageProperties {
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  readonly deliveryMode?: number | undefined;
  readonly contentEncoding?: unknown;
  readonly priority?: unknown;
  readonly expiration?: unknown;
  readonly userId?: unknown;
  readonly appId?: unknown;
}

/** With what the library asks for the frames of a message. */
export type WireSending = readonly [
  channel: number,
  method: unknown,
  publication: WirePublication,
  kind: unknown,
  properties: unknown,
  content: string | Uint8Array,
];

/** What the library has below the channels of a connection: it puts into frames what they send, and keeps the frames of each in a buffer until its next turn. */
export interface WireMux {
  readonly stream: WireStream;
  readonly channels: readonly ({ readonly buffer: { write: (frame: Uint8Array) => boolean } } | null)[];
  freshChannel: (channel: unknown, options: unknown) => number;
  sendMessage: (...sending: WireSending) => boolean;
}

/** The part of a connection of `amqplib` that the driver uses. */
export interface WireConnection {
  readonly connection: WireMux & { readonly serverProperties: Readonly<Record<string, unknown>> };
  createChannel(): Promise<WireChannel>;
  createConfirmChannel(): Promise<WireChannel>;
  close(): Promise<void>;
  on(event: "error" | "close", heard: (error?: Error) => void): unknown;
  on(event: "blocked", heard: (reason: string) => void): unknown;
  on(event: "unblocked", heard: () => void): unknown;
}
