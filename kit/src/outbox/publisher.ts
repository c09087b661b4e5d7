/** One event on its way to a message broker. */
export interface OutgoingEvent {
  /** `log@position`: the same at every repeat, for brokers and consumers that drop repeats. */
  readonly id: string;
  readonly log: string;
  readonly stream: string;
  /** Place in its stream: 1, 2, 3 … without gaps. */
  readonly version: number;
  /** Place in the log: 1, 2, 3 … without gaps. */
  readonly position: number;
  readonly type: string;
  /** The payload as JSON text. */
  readonly data: string;
  /** Metadata as JSON text, where the event has any. */
  readonly meta: string | undefined;
  readonly recordedAtMs: number;
}

/** Where a relay publishes to: a stream or exchange of a message broker. */
export interface Publisher extends AsyncDisposable {
  /** Name for people: `nats orders`, `rabbitmq shop`. */
  readonly name: string;
  /**
   * Resolves once the broker has said that it holds the event. Rejects with an error whose `retryable` says whether to come again with the same
   * event, which must then be harmless: an outcome that is not known counts as retryable, because the id is the same.
   * Events of one stream are published one after the other; those of different streams may overlap.
   */
  publish(event: OutgoingEvent, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}
