import { openEventStore, type EventStore } from "ashlar/events";
import { engineToken, implement, type EngineToken, type Implementation } from "ashlar/service";
import { payments } from "../contracts/mod.ts";
import { wayOut, type OpenOutside, type Outside } from "../outside/mod.ts";
import type { ShopSettings } from "../settings.ts";
import { auditPayments } from "./audit.ts";
import { Payments } from "./payments.ts";
import { Providers } from "./providers.ts";

/** The file of the ledger. */
export const paymentsFile: EngineToken = engineToken("payments");

interface Own {
  readonly store: EventStore;
  readonly money: Payments;
  readonly houses: readonly Outside[];
}

/** Payments as a service. */
export function paymentsService({ data, faults, seed }: ShopSettings, openOutside: OpenOutside): Implementation {
  return implement(payments)({
    engine: paymentsFile,
    async open({ engine, clock, random, resources }): Promise<Own> {
      const house = async (name: string): Promise<Outside> =>
        resources.use(await openOutside({ name, data, faults, seed, clock }));
      const houses = [await house("provider"), await house("second-provider")] as const;
      const [first, second] = houses;
      const providers = new Providers(engine, {
        first: wayOut("provider", first.service, { clock, random, rank: "first" }),
        second: wayOut("second provider", second.service, { clock, random }),
      });
      const store = await openEventStore({ engine, requires: "process" });
      return { store, houses, money: new Payments({ store, providers, seed }) };
    },
    calls: {
      charge: ({ input, own, signal }) => own.money.charge(input, signal),
      async refund({ input, own, signal }) {
        await own.money.refund(input, signal);
        return {};
      },
      async adjust({ input, own }) {
        await own.money.adjust(input.id, input.amountMinor);
        return {};
      },
      audit: ({ own }) => auditPayments(own.store, own.houses),
    },
  });
}
