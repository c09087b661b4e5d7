import type { Clock } from "../clock/mod.ts";
import type { TextChannel } from "./channel.ts";

/**
 * Lines after which a turn's text is handed over without waiting for its end: the peer begins to work while this side goes on, where one
 * write for all of them would leave each side idle while the other works. 32 was measured best of 4 to 1,000: half as much again as one write a turn.
 */
const linesAtOnce = 32;

/**
 * Gathers what is written in one turn of the event loop into few writes: a system call costs as much as a hundred calls' worth of JSON.
 * While the channel is full, text waits here, bounded by who asks `room` first.
 */
export class Outbox {
  readonly #channel: TextChannel;
  readonly #clock: Clock;
  readonly #waitingMax: number;
  #text = "";
  #lines = 0;
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
    if (++this.#lines >= linesAtOnce && this.#state === "scheduled") return this.#hand();
    if (this.#state !== "idle") return;
    this.#state = "scheduled";
    this.#clock.nextTurn(() => this.flush());
  }

  /** Writes at once what waits. */
  flush(): void {
    if (this.#state === "closed" || this.#state === "full") return;
    this.#state = "idle";
    if (this.#text !== "") this.#hand();
  }

  #hand(): void {
    const text = this.#text;
    this.#text = "";
    this.#lines = 0;
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
