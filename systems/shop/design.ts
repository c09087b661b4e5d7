import type { Engine } from "ashlar/engine";
import { engineToken, provide, system, type EnginePlace, type EngineToken, type System } from "ashlar/service";
import { accountsFile, accountsService } from "./accounts/mod.ts";
import { analyticsFile, analyticsService } from "./analytics/mod.ts";
import { cartFile, cartService } from "./cart/mod.ts";
import { catalogFile, catalogService } from "./catalog/mod.ts";
import { inventoryFile, inventoryService } from "./inventory/mod.ts";
import { notificationsFile, notificationsService } from "./notifications/mod.ts";
import { ordersFile, ordersService } from "./orders/mod.ts";
import type { OpenOutside } from "./outside/mod.ts";
import { paymentsFile, paymentsService } from "./payments/mod.ts";
import type { ShopSettings } from "./settings.ts";
import { shippingFile, shippingService } from "./shipping/mod.ts";
import { type OpenReads, storageOf } from "./storage/mod.ts";

/** Where replicas announce themselves. */
export const registryFile: EngineToken = engineToken("registry");

const files: readonly EngineToken[] = [
  accountsFile,
  analyticsFile,
  cartFile,
  catalogFile,
  inventoryFile,
  notificationsFile,
  ordersFile,
  paymentsFile,
  shippingFile,
  registryFile,
];

/** What a shop has of the world around it. */
export interface ShopSurroundings {
  /** Opens what one service owns: a file, or a schema of a database. */
  readonly openEngine: (name: string, place: EnginePlace) => Promise<Engine>;
  /** Opens reads of a service's own tables that may be stale. */
  readonly openReads: OpenReads;
  /** Opens the way to a company that is not ours. */
  readonly openOutside: OpenOutside;
}

/** The shop: nine services, each with a file, or a schema, of its own that no other reads. */
export function shopSystem(settings: ShopSettings, around: ShopSurroundings = storageOf(settings)): System {
  const { openEngine, openOutside, openReads } = around;
  return system("shop", {
    services: [
      accountsService(),
      catalogService(),
      cartService(),
      inventoryService(settings),
      paymentsService(settings, openOutside),
      shippingService(settings, openOutside),
      ordersService(settings),
      notificationsService(settings, openOutside),
      analyticsService(openReads),
    ],
    registry: registryFile,
    engines: files.map((token) => provide(token, { open: (place) => openEngine(token.name, place) })),
  });
}
