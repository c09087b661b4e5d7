import { KitError } from "../errors/mod.ts";

/** A stored event has a type or a version that this code does not know: a newer program wrote it, or a definition was removed. Nothing is skipped in silence. */
export class UnknownEventError extends KitError {
  readonly code = "UNKNOWN_EVENT";
  readonly retryable = false;
  readonly type: string;
  readonly schema: number;

  constructor(
    place: { readonly stream: string; readonly version: number },
    event: { readonly type: string; readonly schema: number },
    known: string,
  ) {
    super(`event ${place.version} of stream "${place.stream}" is "${event.type}" version ${event.schema}, ${known}`);
    this.type = event.type;
    this.schema = event.schema;
  }
}

/** Others kept changing the stream: the command was decided and refused `attempts` times. Nothing was recorded. */
export class ConflictError extends KitError {
  readonly code = "CONFLICT";
  readonly retryable = true;
  readonly streams: readonly string[];

  constructor(streams: readonly string[], attempts: number) {
    super(`${streams.map((stream) => `"${stream}"`).join(", ")} changed under ${attempts} attempts to append`);
    this.streams = streams;
  }
}

/** A sealed field cannot be read although its subject was not erased: a wrong master key, or the text was altered. */
export class SealError extends KitError {
  readonly code = "SEAL";
  readonly retryable = false;
}

/** This process stood still for longer than its lease, and another finished the act under its key. What the history lists is what counts. */
export class TakenOverError extends KitError {
  readonly code = "TAKEN_OVER";
  readonly retryable = false;
  readonly key: string;

  constructor(key: string, options?: { readonly cause?: unknown }) {
    super(`act "${key}" was finished by another process after its lease had run out`, options);
    this.key = key;
  }
}
