/** A message as it is heard. */
export interface BusMessage {
  readonly subject: string;
  readonly body: string;
}

/** What a subscriber is told, one after the other. */
export interface Subscriber {
  /** The next message is handed over when this has settled. */
  readonly heard: (message: BusMessage) => void | Promise<void>;
  /** Messages may be missing: the connection was lost and is there again, or they waited for this subscriber in too great a number. */
  readonly gap?: ((why: "reconnected" | "slow") => void) | undefined;
  /** Of all with this name and pattern, one hears a message. 1 to 100 characters. */
  readonly group?: string | undefined;
  /** Messages that may wait for this subscriber; then the oldest is dropped. 1 to 100,000, default 1,000. */
  readonly waitingMax?: number | undefined;
}

/** A subscription that runs until it is disposed: then nothing more is heard, and the listener is not running. */
export interface Subscription extends AsyncDisposable {
  /** How many messages were dropped, because the subscriber was too slow. */
  readonly dropped: number;
}

/** Who answers requests. */
export interface Responder {
  /** The answer. What it throws becomes the BusError `failed` of whoever asked. */
  readonly answer: (message: BusMessage) => string | Promise<string>;
  /** Requests that are answered at the same time; more wait, the oldest give way. 1 to 10,000, default 100. */
  readonly concurrency?: number | undefined;
}

/** How long an answer is waited for. */
export interface RequestOptions {
  /** 1 ms to 1 h. */
  readonly withinMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Publish-subscribe and request-reply between processes, at most once. Disposing it ends its subscriptions and requests. */
export interface Bus extends AsyncDisposable {
  /** Name for people: `memory`, `amqp` … */
  readonly name: string;
  /** Most bytes of a body. */
  readonly bodyBytesMax: number;
  /** Resolves when the message is handed on. Throws ConfigError (subject), BusError `too-long`, and the driver's errors. */
  publish(subject: string, body: string): Promise<void>;
  /** Resolves when the subscription hears: what is published after that reaches it. Throws ConfigError, UnsupportedError (groups). */
  subscribe(pattern: string, subscriber: Subscriber): Promise<Subscription>;
  /** Asks whoever responds to the subject. Throws BusError, `signal.reason`, and what `publish` throws. */
  request(subject: string, body: string, options: RequestOptions): Promise<string>;
  /** Answers requests to one subject. Resolves as `subscribe` does. */
  respond(subject: string, responder: Responder): Promise<AsyncDisposable>;
}

/** Told of what listeners throw. */
export type BusFault = (fault: { readonly subject: string; readonly error: unknown }) => void;
