/** A stream of text both ways, such as a socket. The port beneath a connection: tests and simulations bring their own. */
export interface TextChannel {
  /** Hands text over to be sent. `full`: it was taken, and no more should be given before `drained`. */
  write(text: string): "taken" | "full";
  /** Stops, or goes on with, the arrival of text. */
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /** Set once, before anything arrives. */
  listen(listener: ChannelListener): void;
}

/** What a channel tells. After `closed` it tells nothing more. */
export interface ChannelListener {
  arrived(text: string): void;
  drained(): void;
  closed(reason: string): void;
}
