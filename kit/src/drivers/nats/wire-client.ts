/** Headers of a message, as the client library has them. */
export interface WireHeaders {
  readonly code: number;
  readonly description: string;
  get(name: string): string;
  set(name: string, value: string): void;
  has(name: string): boolean;
}

/** A message, as the client library hands it out. */
export interface WireMessage {
  readonly subject: string;
  readonly reply?: string | undefined;
  readonly data: Uint8Array;
  readonly headers?: WireHeaders | undefined;
}

/** A subscription of the client library. */
export interface WireSubscription {
  unsubscribe(): void;
}

/** What a server says of itself. */
export interface WireServer {
  readonly version: string;
  readonly server_id: string;
  readonly server_name: string;
  readonly max_payload: number;
  readonly jetstream?: boolean | undefined;
  readonly headers?: boolean | undefined;
}

/** The part of a connection of `@nats-io/transport-node` that the driver uses. It connects again by itself. */
export interface WireConnection {
  readonly info?: WireServer | undefined;
  publish(
    subject: string,
    data: Uint8Array,
    options?: { readonly headers?: WireHeaders; readonly reply?: string },
  ): void;
  request(
    subject: string,
    data: Uint8Array,
    options: { readonly timeout: number; readonly headers?: WireHeaders },
  ): Promise<WireMessage>;
  subscribe(
    subject: string,
    options: {
      readonly callback: (error: Error | null, message: WireMessage) => void;
      readonly queue?: string | undefined;
    },
  ): WireSubscription;
  /** Resolves when the server has answered to everything that was written before. */
  flush(): Promise<void>;
  status(): AsyncIterable<{ readonly type: string; readonly error?: unknown }>;
  rtt(): Promise<number>;
  closed(): Promise<unknown>;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** A connection and what its library makes for it. */
export interface Wire {
  readonly connection: WireConnection;
  makeHeaders(): WireHeaders;
}
