import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { shipping } from "../contracts/mod.ts";
import { wayOut, type OpenOutside, type Outside } from "../outside/mod.ts";
import type { ShopSettings } from "../settings.ts";
import { Shipping } from "./shipping.ts";

/** The file of the parcels. */
export const shippingFile: EngineToken = engineToken("shipping");

interface Own {
  readonly parcels: Shipping;
  readonly carrier: Outside;
}

/** Shipping as a service. */
export function shippingService({ data, faults, seed }: ShopSettings, openOutside: OpenOutside): Implementation {
  return implement(shipping)({
    engine: shippingFile,
    async open({ engine, clock, random, resources }): Promise<Own> {
      const carrier = resources.use(await openOutside({ name: "carrier", data, faults, seed, clock }));
      return { carrier, parcels: new Shipping(engine, wayOut("carrier", carrier.service, { clock, random })) };
    },
    calls: {
      send: ({ input, own, signal }) => own.parcels.send(input.order, signal),
      async recall({ input, own, signal }) {
        await own.parcels.recall(input.order, signal);
        return {};
      },
      async parcel({ input, own, fail }) {
        const { order } = input;
        const parcel = await own.parcels.find(order);
        if (parcel === undefined) throw fail.noParcel({ order });
        return { order, ...parcel };
      },
      async audit({ own }) {
        const { books } = own.carrier;
        const [sent, recalled] = [await books.totals("parcel"), await books.totals("recall")];
        const repeated = sent.repeated + recalled.repeated;
        return {
          ...(await own.parcels.count()),
          carrier: { parcels: sent.effects, recalled: recalled.effects, repeated },
        };
      },
    },
  });
}
