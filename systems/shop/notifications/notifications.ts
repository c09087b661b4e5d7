import { signalAfter } from "ashlar/abort";
import type { Clock } from "ashlar/clock";
import type { Engine, Enqueue } from "ashlar/engine";
import { KitError, TimeoutError } from "ashlar/errors";
import { openQueue, openWorker, type Queue, type QueueReport, type Worker } from "ashlar/queue";
import type { Random } from "ashlar/random";
import type { OutsideService } from "../outside/mod.ts";
import {
  notificationOf,
  notificationQueue,
  rememberedMs,
  type Notification,
  type NotificationKind,
} from "./notification.ts";

export interface NotificationsOptions {
  readonly engine: Engine;
  readonly channels: OutsideService;
  readonly clock: Clock;
  readonly random: Random;
  readonly seed: number;
}

/** A channel will never take this message: it goes to the dead letters at once. */
class UndeliverableError extends KitError {
  readonly code = "UNDELIVERABLE";
  readonly retryable = false;
}

export type { Notifications };

const replyWithinMs = 45;
const deliveriesAtOnce = 32;

/** Tells customers, after the commit that gave the reason, at least once to the channel and once to the customer. */
class Notifications implements AsyncDisposable {
  readonly #options: NotificationsOptions;
  readonly #queue: Queue<Notification>;
  readonly #worker: Worker;

  constructor(options: NotificationsOptions, queue: Queue<Notification>, worker: Worker) {
    this.#options = options;
    this.#queue = queue;
    this.#worker = worker;
  }

  /** The change that sends a notification when the caller's commit is applied. */
  change(kind: NotificationKind, about: { readonly id: string; readonly to: string }): Enqueue {
    const notification = notificationOf(this.#options.seed, kind, about);
    return this.#queue.change(notification, { dedup: { key: notification.key, forMs: rememberedMs } });
  }

  status(): Promise<QueueReport> {
    return this.#queue.status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }
}

/** Opens the queue and its worker. */
export async function openNotifications(options: NotificationsOptions): Promise<Notifications> {
  const { engine, random, channels, clock } = options;
  const queue = await openQueue({ engine, queue: notificationQueue, random });
  const worker = await openWorker({
    queue,
    concurrency: deliveriesAtOnce,
    handle: (job) => deliver(channels, clock, job.input),
  });
  return new Notifications(options, queue, worker);
}

async function deliver(channels: OutsideService, clock: Clock, { key, channel }: Notification): Promise<void> {
  using limit = signalAfter(clock, replyWithinMs, () => new TimeoutError(`a message by ${channel}`, replyWithinMs));
  const request = { kind: "delivery", subject: key, key: `delivery/${key}`, amountMinor: 0, signal: limit.signal };
  const reply = await channels.request(request);
  if (reply.status === "refused") throw new UndeliverableError(`${channel} does not reach the addressee of ${key}`);
}
