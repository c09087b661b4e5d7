import type { Channel, Message } from "amqplib";
import type { WireChannel, WireMessage } from "./wire-client.ts";

/** Acknowledges a delivery, and with it all of its channel before it that are not settled: one frame for many. */
export function acknowledgeUpTo(wire: WireChannel, message: WireMessage): void {
  (wire as unknown as Channel).ack(message as unknown as Message, true);
}
