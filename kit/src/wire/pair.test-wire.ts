import { systemClock } from "../clock/mod.ts";
import type { ChannelListener, TextChannel } from "./channel.ts";

/** Two ends of a connection in one process: what one writes the other gets in a later turn. */
export interface Pair {
  readonly near: TestChannel;
  readonly far: TestChannel;
}

/** An end whose traffic a test can hold up, cut or read. */
export class TestChannel implements TextChannel {
  other: TestChannel | undefined;
  readonly written: string[] = [];
  /** "stuck": nothing arrives and nothing closes, as with a cable that was cut. */
  way: "open" | "stuck" = "open";
  full: "taken" | "full" = "taken";
  #listener: ChannelListener | undefined;
  #isPaused = false;
  readonly #held: string[] = [];
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(text: string): "taken" | "full" {
    this.written.push(text);
    if (this.way === "open") later(() => this.other?.arrive(text));
    return this.full;
  }

  arrive(text: string): void {
    if (this.#isClosed || this.way === "stuck") return;
    if (this.#isPaused) this.#held.push(text);
    else this.#listener?.arrived(text);
  }

  drain(): void {
    this.full = "taken";
    this.#listener?.drained();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const text of this.#held.splice(0)) this.#listener?.arrived(text);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  end(): void {
    later(() => this.close("the connection was closed"));
  }

  destroy(): void {
    this.close("the connection was closed");
  }

  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener?.closed(reason);
    if (this.way === "open") later(() => this.other?.close(reason));
  }

  listen(listener: ChannelListener): void {
    this.#listener = listener;
  }
}

function later(run: () => void): void {
  systemClock.nextTurn(run);
}

/** A fresh connection. */
export function channelPair(): Pair {
  const near = new TestChannel();
  const far = new TestChannel();
  near.other = far;
  far.other = near;
  return { near, far };
}
