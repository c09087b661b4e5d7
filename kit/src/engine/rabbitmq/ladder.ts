import type { WireChannel } from "../../drivers/amqp/mod.ts";
import type { Names } from "./names.ts";

/** Delays are kept in steps of so many milliseconds, and rounded up. */
const stepMs = 100;
/** Level `k` keeps a message for `2^k` steps; a delay is the levels of its binary digits, one after the other. */
const levels = 18;
/** The longest delay: about 7 hours 17 minutes. */
export const delayMsMax: number = (2 ** levels - 1) * stepMs;

/** Where a delayed message is published. */
export interface Rung {
  readonly exchange: string;
  readonly routingKey: string;
}

/** The first rung of a delay of 1 to `delayMsMax` milliseconds, for a message that goes to `address` then. */
export function rungOf(names: Names, delayMs: number, address: string): Rung {
  const digits = Math.ceil(delayMs / stepMs)
    .toString(2)
    .padStart(levels, "0");
  const top = levels - 1 - digits.indexOf("1");
  return { exchange: names.delay(top), routingKey: `${digits.split("").join(".")}.${address}` };
}

/** Declares the ladder. Each level is a topic exchange that looks at its digit: 1 goes into the level's queue, where the time to live ends it and hands it to
 *  the level below, 0 goes there at once. Below the last level is the exchange of what is due. */
export async function declareLadder(
  wire: WireChannel,
  names: Names,
  shape: Readonly<Record<string, unknown>>,
): Promise<void> {
  await wire.assertExchange(names.due, "topic", { durable: true });
  for (let level = 0; level < levels; level++) {
    const name = names.delay(level);
    const below = level === 0 ? names.due : names.delay(level - 1);
    const before = "*.".repeat(levels - 1 - level);
    await wire.assertExchange(name, "topic", { durable: true });
    await wire.assertQueue(name, {
      durable: true,
      arguments: {
        ...shape,
        "x-message-ttl": stepMs * 2 ** level,
        "x-dead-letter-exchange": below,
        // Without these two a message could be lost between two levels when the broker dies.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
      },
    });
    await wire.bindQueue(name, name, `${before}1.#`);
    await wire.bindExchange(below, name, `${before}0.#`);
  }
}

/** How many levels there are, for whoever removes them. */
export const ladderLevels: number = levels;
