import { systemClock } from "ashlar/clock";
import { systemRandom } from "ashlar/random";
import { openRegistry } from "ashlar/registry";
import { openNode } from "ashlar/service/node";
import { registryFile, shopSystem } from "./design.ts";
import type { ShopSettings } from "./settings.ts";
import type { ShopClients } from "./shop-clients.ts";
import { storageOf } from "./storage/mod.ts";

/** Finds a shop that runs elsewhere, as replicas that the registry knows, and calls it; nothing of it runs here. */
export async function visitShop(settings: ShopSettings, name: string): Promise<ShopClients & AsyncDisposable> {
  const storage = storageOf(settings);
  await storage.check();
  const [clock, random] = [systemClock, systemRandom];
  await using opened = new AsyncDisposableStack();
  const place = { folder: settings.data, clock, engine: noneBelow };
  const engine = opened.use(await storage.openEngine(registryFile.name, place));
  const registry = opened.use(await openRegistry({ engine, random }));
  const system = shopSystem(settings, storage);
  const node = opened.use(await openNode(system, { only: [], identity: name, directory: registry, clock, random }));
  const held = opened.move();
  return {
    client: (contract) => node.services.client(contract),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function noneBelow(): never {
  throw new Error("the registry's engine stands on no other");
}
