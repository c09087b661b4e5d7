import { drawOne } from "../draw.ts";

/** A message to a customer. */
export interface Message {
  /** What it says, and about what: `order-confirmed/536365`. A customer gets each at most once. */
  readonly key: string;
  readonly channel: "email" | "sms" | "push";
}

/** Tells how an order ended. */
export function endMessage(
  seed: number,
  ended: { readonly order: string; readonly status: "confirmed" | "rejected"; readonly to: string },
): Message {
  return { key: `order-${ended.status}/${ended.order}`, channel: channelOf(seed, ended.to) };
}

/** Tells that the money for a return is back. */
export function refundMessage(seed: number, refunded: { readonly return: string; readonly to: string }): Message {
  return { key: `return-refunded/${refunded.return}`, channel: channelOf(seed, refunded.to) };
}

/** Who is told the same way every time. */
function channelOf(seed: number, to: string): Message["channel"] {
  return drawOne(["email", "sms", "push"], seed, "channel", to);
}
