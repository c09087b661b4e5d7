import { KitError } from "ashlar/errors";
import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { notifications, orders } from "../contracts/mod.ts";
import { wayOut, type OpenOutside, type Outside, type WayOut } from "../outside/mod.ts";
import type { ShopSettings } from "../settings.ts";
import { endMessage, refundMessage, type Message } from "./message.ts";

/** The file of the messages that are to be sent. */
export const notificationsFile: EngineToken = engineToken("notifications");

/** A channel will never take this message: it goes to the dead letters at once. */
class UndeliverableError extends KitError {
  readonly code = "UNDELIVERABLE";
  readonly retryable = false;
}

/** Notifications as a service. It is told by events; each is a durable job here until its message is delivered or given up. */
export function notificationsService({ data, faults, seed }: ShopSettings, openOutside: OpenOutside): Implementation {
  return implement(notifications)({
    needs: { orders },
    engine: notificationsFile,
    async open({ clock, random, resources }): Promise<Own> {
      const channels = resources.use(await openOutside({ name: "channels", data, faults, seed, clock }));
      return { channels, way: wayOut("channels", channels.service, { clock, random }) };
    },
    calls: {
      status: ({ heard }) => heard("orders"),
      async audit({ own, heard }) {
        const { effects, repeated } = await own.channels.books.totals("delivery");
        const { dead, waiting } = await heard("orders");
        return { delivered: effects, repeated, dead, waiting };
      },
    },
    on: {
      orders: {
        async ended({ data, ...context }) {
          await deliver(endMessage(seed, data), context);
        },
        async refunded({ data, ...context }) {
          await deliver(refundMessage(seed, data), context);
        },
      },
    },
  });
}

interface Own {
  readonly channels: Outside;
  readonly way: WayOut;
}

interface Delivery {
  readonly own: Own;
  readonly signal: AbortSignal;
}

async function deliver({ key, channel }: Message, { own, signal }: Delivery): Promise<void> {
  const request = { kind: "delivery", subject: key, key: `delivery/${key}`, amountMinor: 0 };
  const reply = await own.way.ask(request, signal);
  if (reply.status === "refused") throw new UndeliverableError(`${channel} does not reach the addressee of ${key}`);
}
