import { queue, retryPlan, type QueueDefinition } from "ashlar/queue";
import { drawOne } from "../draw.ts";

/** A message to a customer. */
export interface Notification {
  /** What it says, and about what: `order-confirmed/536365`. A customer gets each at most once. */
  readonly key: string;
  readonly channel: ChannelName;
}

export type ChannelName = "email" | "sms" | "push";

export type NotificationKind = "order-confirmed" | "order-rejected" | "return-refunded";

const dayMs = 86_400_000;

/** Outages of a channel pass within milliseconds in the simulated world; a real one would be given hours. */
export const notificationQueue: QueueDefinition<Notification> = queue<Notification>("notifications", {
  retry: retryPlan({ attemptsMax: 8, firstMs: 5, capMs: 1_000 }),
  depthMax: 10_000_000,
  crashesMax: 100,
});

/** How long a notification is remembered, so that a repeated request for it adds none. */
export const rememberedMs: number = 30 * dayMs;

/** The notification of one thing; who is told the same way every time. */
export function notificationOf(
  seed: number,
  kind: NotificationKind,
  about: { readonly id: string; readonly to: string },
): Notification {
  return { key: `${kind}/${about.id}`, channel: drawOne(["email", "sms", "push"], seed, "channel", about.to) };
}
