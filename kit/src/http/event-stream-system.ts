import type { ServerResponse } from "node:http";
import type { Clock, Timer } from "../clock/mod.ts";
import type { OpenedStream } from "./api.ts";
import type { HttpRules } from "./server-settings.ts";

/**
 * Sends a stream as server-sent events: an item an event `item`, the end as `end`, an error as `problem`. Waits for a client that is slow, and
 * cuts off one that is slower than `streamBytesMax` allows.
 */
export async function sendEvents(
  response: ServerResponse,
  opened: OpenedStream,
  around: { rules: HttpRules; clock: Clock },
): Promise<void> {
  const { rules, clock } = around;
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  const alive = new Alive(clock, rules.aliveMs, () => response.write(": alive\n\n"));
  try {
    for await (const item of opened.items) {
      alive.said();
      if (!(await sent(response, `event: item\ndata: ${JSON.stringify(item)}\n\n`, rules.streamBytesMax))) return;
    }
    response.end("event: end\ndata: {}\n\n");
  } catch (error) {
    response.end(`event: problem\ndata: ${opened.problem(error).body}\n\n`);
  } finally {
    alive.stop();
  }
}

async function sent(response: ServerResponse, text: string, bytesMax: number): Promise<boolean> {
  if (response.destroyed) return false;
  if (response.write(text)) return true;
  if (response.writableLength > bytesMax) {
    response.destroy();
    return false;
  }
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.once("drain", done).once("close", done);
  });
  return !response.destroyed;
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
