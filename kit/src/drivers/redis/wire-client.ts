/** What a command is made of. */
export type RedisWord = string | Buffer;

/** What the server answers: integers as numbers, texts as strings or, where bytes were asked for, Buffers. */
export type RedisReply = string | number | null | Buffer | readonly RedisReply[];

/** How the client library is to read a reply. */
export interface WireReading {
  readonly typeMapping: Readonly<Record<number, unknown>>;
}

/** The part of a client of `@redis/client` that the driver uses. Commands of one turn of the event loop go out in one write. */
export interface WireClient {
  connect(): Promise<unknown>;
  sendCommand(words: readonly RedisWord[], reading?: WireReading): Promise<RedisReply>;
  subscribe(channels: readonly string[], heard: (message: string, channel: string) => void): Promise<unknown>;
  on(event: "error" | "end", heard: (error: unknown) => void): unknown;
  /** Lets what was sent be answered. */
  close(): Promise<void>;
  /** Rejects what was not answered. */
  destroy(): void;
}

/** A connected client, and what its library calls a reply that says no. */
export interface Wire {
  readonly client: WireClient;
  isReply(error: unknown): boolean;
}
