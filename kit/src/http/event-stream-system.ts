import type { ServerResponse } from "node:http";
import type { Duplex, Writable } from "node:stream";
import type { Clock, Timer } from "../clock/mod.ts";
import type { OpenedStream } from "./api.ts";
import type { HttpRules } from "./server-settings.ts";

/**
 * Sends a stream as server-sent events: an item an event `item`, the end as `end`, an error as `problem`. Waits for a client that is slow, and
 * cuts off one that takes in nothing for `aliveMs`, or has more than `streamBytesMax` to take in.
 */
export async function sendEvents(
  response: ServerResponse,
  opened: OpenedStream,
  around: { rules: HttpRules; clock: Clock },
): Promise<void> {
  const { rules, clock } = around;
  response.writeHead(200, { ...eventHeaders, ...opened.headers });
  response.flushHeaders();
  const alive = new Alive(clock, rules.aliveMs, () => response.write(": alive\n\n"));
  try {
    for await (const item of opened.items) {
      alive.said();
      if (!(await sent(response, `event: item\ndata: ${JSON.stringify(item)}\n\n`, around))) return;
    }
    response.end("event: end\ndata: {}\n\n");
  } catch (error) {
    response.end(`event: problem\ndata: ${opened.problem(error).body}\n\n`);
  } finally {
    alive.stop();
  }
}

/** Head of a stream of events. The connection ends with it, so that nobody waits for another request on it. */
export const eventHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
  "x-content-type-options": "nosniff",
  connection: "close",
};

async function sent(
  response: ServerResponse,
  text: string,
  { rules, clock }: { rules: HttpRules; clock: Clock },
): Promise<boolean> {
  if (response.destroyed || response.writableEnded) return false;
  if (response.write(text)) return true;
  const isTooMuch = response.writableLength > rules.streamBytesMax;
  if (isTooMuch || (await drained(response, clock, rules.aliveMs)) === "late") response.destroy();
  return !response.destroyed;
}

/** Waits until what was written is taken in, or nobody is left to do so; no longer than `limitMs`. */
export async function drained(target: Writable | Duplex, clock: Clock, limitMs: number): Promise<"drained" | "late"> {
  if (target.destroyed || target.writableLength === 0) return "drained";
  const { promise, resolve } = Promise.withResolvers<"drained" | "late">();
  const done = (): void => resolve("drained");
  const timer = clock.setTimer(limitMs, () => resolve("late"), { holdsProcess: "no" });
  target.once("drain", done).once("close", done);
  const outcome = await promise;
  timer.cancel();
  target.off("drain", done).off("close", done);
  return outcome;
}

/** Rings whenever nothing was said for a while. */
export class Alive {
  readonly #clock: Clock;
  readonly #pauseMs: number;
  readonly #ring: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, pauseMs: number, ring: () => void) {
    this.#clock = clock;
    this.#pauseMs = pauseMs;
    this.#ring = ring;
    this.said();
  }

  said(): void {
    this.stop();
    this.#timer = this.#clock.setTimer(
      this.#pauseMs,
      () => {
        this.#ring();
        this.said();
      },
      { holdsProcess: "no" },
    );
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
