import {
  badNetwork,
  clockDrifts,
  clockJumps,
  clogs,
  crashes,
  type FaultRule,
  ownFault,
  partitions,
  pauses,
  restarts,
  type Scenario,
  scenario,
  type World,
} from "ashlar/simulation";
import { audit } from "../audit/mod.ts";
import { orders } from "../contracts/mod.ts";
import { openShelves } from "../live/mod.ts";
import { hasEnded } from "../orders/mod.ts";
import { atRest } from "../rest.ts";
import type { ShopClients } from "../shop-clients.ts";
import { insist, type Promised, shopUntil } from "./customer.ts";
import { serviceNodes, ShopWorld } from "./shop-world.ts";

const customers = 3;
/** For so many orders there is stock; then some find nothing left. */
const stockedFor = 300;
const minuteMs = 60_000;
const shops = new WeakMap<World, ShopWorld>();

/** The whole shop, nine services on nine machines, under everything the world knows. */
export const shop: Scenario = scenario({
  name: "shop",
  about: "nine services on nine machines: no order, money, unit or message is lost or doubled, and each order ends",
  phases: { warmUpMs: 10_000, chaosMs: 10 * minuteMs, livenessMs: 60 * minuteMs },
  faults: [
    crashes({ nodes: serviceNodes, perMinute: 2, lastsMs: [10, 20_000], what: "process" }),
    restarts({ nodes: serviceNodes, perMinute: 0.5, lastsMs: [10, 5_000] }),
    pauses({ nodes: serviceNodes, perMinute: 0.5, lastsMs: [500, 60_000] }),
    partitions({ nodes: serviceNodes, perMinute: 1, lastsMs: [500, 40_000] }),
    clogs({ nodes: serviceNodes, perMinute: 1 }),
    badNetwork({ perMinute: 0.5 }),
    clockJumps({ nodes: serviceNodes, perMinute: 0.2, jumpMsMax: 30_000 }),
    clockDrifts({ nodes: serviceNodes, perMinute: 0.2 }),
    silence(),
    deathAtStatement(),
    powerCut(),
  ],
  sometimes: ["provider: asked again", "second-provider: asked again", "carrier: asked again", "disk: power cut"],
  async open(world, { healed }) {
    const seed = world.random("shop").integer(0, 1_000_000);
    const around = new ShopWorld(world, {
      data: "",
      seed,
      stock: "tight",
      faults: "some",
      sale: "at once",
      durability: "disk",
    });
    shops.set(world, around);
    await around.start();
    const clients = await around.visitor("customers");
    const { clock } = world;
    await insist(clock, () => openShelves(clients, stockedFor));
    const promised: Promised = { orders: new Map(), returns: new Set() };
    const client = clients.client(orders);
    const shopping = Array.from({ length: customers }, (_, at) => {
      const customer = { run: seed + at, client, clock, random: world.random(`customer ${at}`) };
      return world.task(`customer ${at}`, () => shopUntil(healed, customer, promised));
    });
    return {
      async finish() {
        await Promise.all(shopping);
        await atRest(clients, { clock });
      },
      check: () => check(world, clients, promised),
    };
  },
});

/** Every invariant of the audit, and every promise to a customer. */
async function check({ clock }: World, shop: ShopClients, promised: Promised): Promise<void> {
  const { invariants, orders: counted } = await audit(shop, clock);
  const broken = invariants.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
  if (counted.placed < promised.orders.size)
    broken.push(`${promised.orders.size} orders were accepted, ${counted.placed} are there`);
  const client = shop.client(orders);
  for (const [id, totalMinor] of promised.orders) {
    const order = await client.get({ id });
    if (!hasEnded(order)) broken.push(`order ${id} is still ${order.status}`);
    if (order.totalMinor !== totalMinor) broken.push(`order ${id} costs ${order.totalMinor}, was ${totalMinor}`);
  }
  for (const id of promised.returns) {
    const { status } = await client.getReturn({ id });
    if (status !== "closed") broken.push(`return ${id} is still ${status}`);
  }
  if (broken.length > 0) throw new Error(broken.join("\n"));
}

/** A company outside answers nobody, for minutes. */
function silence(): FaultRule {
  return ownFault("company silent", {
    perMinute: 0.3,
    lastsMs: [5_000, 3 * minuteMs],
    begin(world) {
      const company = world.random("silence").pick([...(shops.get(world)?.companies.values() ?? [])]);
      company.mood = "silent";
      return () => {
        company.mood = "answers";
      };
    },
  });
}

/** A process dies before or after one of its next statements in its file. */
function deathAtStatement(): FaultRule {
  return ownFault("death at a statement", {
    perMinute: 1,
    lastsMs: [10, 10_000],
    begin(world) {
      const random = world.random("statement");
      const name = random.pick(serviceNodes);
      const when = random.pick(["before", "after"] as const);
      shops
        .get(world)
        ?.disks.get(name)
        ?.crashAt(name, { statement: random.integer(1, 12), when });
      return () => startAgain(world, name);
    },
  });
}

/** A machine loses its power, and of what was not synced something reaches the medium. */
function powerCut(): FaultRule {
  return ownFault("power cut", {
    perMinute: 0.3,
    lastsMs: [100, 30_000],
    begin(world) {
      const random = world.random("power");
      const name = random.pick(serviceNodes);
      shops
        .get(world)
        ?.disks.get(name)
        ?.powerCut(random.pick(["nothing", "everything", "a beginning", "some sectors"]));
      return () => startAgain(world, name);
    },
  });
}

function startAgain(world: World, name: string): void {
  const node = world.nodes.get(name);
  if (node?.state === "down") void node.start();
}
