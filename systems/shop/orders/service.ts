import type { Engine } from "ashlar/engine";
import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { orders } from "../contracts/mod.ts";
import type { ShopSettings } from "../settings.ts";
import { auditOrders } from "./audit.ts";
import { customerCalls, customerStreams } from "./customer-calls.ts";
import { importCalls } from "./import-calls.ts";
import { needs, openDesk, type OrderCalls } from "./order-desk.ts";
import { returnCalls } from "./return-calls.ts";

/** The file of orders and returns: their streams, sagas and imports. */
export const ordersFile: EngineToken = engineToken("orders");

/** Orders and returns as a service. */
export function ordersService(settings: ShopSettings): Implementation {
  return implement(orders)({
    needs,
    engine: ordersFile,
    open: (context) => openDesk(context, settings),
    calls: { ...customerCalls, ...returnCalls, ...importCalls, ...inspectionCalls },
    streams: customerStreams,
    on: { catalog: { changed: ({ data, own }) => own.prices.invalidate({ keys: [data.code] }) } },
  });
}

const inspectionCalls: Pick<OrderCalls, "status" | "audit"> = {
  async status({ own, engine }) {
    const [ordersOpen, returnsOpen, correctionsOpen] = await Promise.all([
      openIn(engine, "saga:order"),
      openIn(engine, "saga:return"),
      own.corrections.open(),
    ]);
    const { head } = await engine.read({ log: "events:orders@1", after: Number.MAX_SAFE_INTEGER, limit: 1 });
    return {
      ordersOpen,
      returnsOpen,
      correctionsOpen,
      events: head,
      stepLatencyMs: own.latency.percentilesMs(),
    };
  },
  audit: ({ own }) => auditOrders(own.store),
};

/** A run is a message of its saga's queue until it has ended. */
async function openIn(engine: Engine, queue: string): Promise<number> {
  for await (const status of engine.scan({ kind: "queues", queue }))
    return status.ready + status.suspect + status.running + status.delayed + status.waiting;
  return 0;
}
