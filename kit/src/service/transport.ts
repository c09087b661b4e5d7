import type { Clock } from "../clock/mod.ts";
import type { Random } from "../random/mod.ts";
import type { Links } from "./link.ts";
import type { RequestServer } from "./serve-requests.ts";

/** How the processes of a system reach each other: over TCP, or through a simulated network. */
export interface Transport {
  /** The ways of this process to others; opened when first used. */
  links(parts: LinkParts): OpenLinks;
  /** A door of this process for others. Closing it first lets requests in hand be answered, within `graceMs`. */
  listen(parts: ListenParts): Promise<Listener>;
}

/** What links are opened with. */
export interface LinkParts {
  /** Name of the process, told to the other side. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Links, kept while they are used. */
export interface OpenLinks extends AsyncDisposable {
  readonly to: Links;
}

/** What a door is opened with. */
export interface ListenParts {
  readonly identity: string;
  /** Where to listen; undefined: anywhere. */
  readonly address: string | undefined;
  readonly graceMs: number | undefined;
  readonly clock: Clock;
  readonly requests: RequestServer;
}

/** An open door. */
export interface Listener extends AsyncDisposable {
  /** What others pass to their links. */
  readonly address: string;
  /** Who is connected, and how many requests of each are being answered. */
  readonly connections: readonly { readonly peer: string; readonly inFlight: number }[];
}
