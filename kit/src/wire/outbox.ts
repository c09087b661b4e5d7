import type { Clock } from "../clock/mod.ts";
import type { TextChannel } from "./channel.ts";

/**
 * Gathers what is written in one turn of the event loop into one write: a system call costs as much as a hundred calls' worth of JSON.
 * While the channel is full, text waits here, bounded by who asks `room` first.
 */
export class Outbox {
  readonly #channel: TextChannel;
  readonly #clock: Clock;
  readonly #waitingMax: number;
  #text = "";
  #state: "idle" | "scheduled" | "full" | "closed" = "idle";

  constructor(channel: TextChannel, clock: Clock, waitingMax: number) {
    this.#channel = channel;
    this.#clock = clock;
    this.#waitingMax = waitingMax;
  }

  /** Whether more may be given. */
  get room(): "free" | "full" {
    return this.#state === "full" && this.#text.length > this.#waitingMax ? "full" : "free";
  }

  /** Characters that wait. */
  get waiting(): number {
    return this.#text.length;
  }

  write(line: string): void {
    if (this.#state === "closed") return;
    this.#text += line;
    if (this.#state !== "idle") return;
    this.#state = "scheduled";
    this.#clock.nextTurn(() => this.flush());
  }

  /** Writes at once what waits. */
  flush(): void {
    if (this.#state === "closed" || this.#state === "full") return;
    this.#state = "idle";
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    if (this.#channel.write(text) === "full") this.#state = "full";
  }

  drained(): void {
    if (this.#state !== "full") return;
    this.#state = "idle";
    this.flush();
  }

  close(): void {
    this.#state = "closed";
    this.#text = "";
  }
}
