import type { AnyContract, Client } from "ashlar/contract";
import { contractId } from "ashlar/contract";
import { fixedDirectory } from "ashlar/registry";
import { openNode, type ServiceNode } from "ashlar/service";
import { type NodeHost, type World, worldTransport } from "ashlar/simulation";
import { SimulatedDisk } from "ashlar/simulation/engines";
import { shopSystem } from "../design.ts";
import type { ShopSettings } from "../settings.ts";
import type { ShopClients } from "../shop-clients.ts";
import { readsOnEngine } from "../storage/mod.ts";
import { SimulatedCompany } from "./company.ts";

/** Each service on a machine of its own. */
export const serviceNodes: readonly string[] = [
  "accounts",
  "catalog",
  "cart",
  "inventory",
  "payments",
  "shipping",
  "orders",
  "notifications",
  "analytics",
];
const companies = ["provider", "second-provider", "carrier", "channels"] as const;

/** The whole shop in a world: nine machines with a disk each, four companies outside, and whoever stands outside and asks. */
export class ShopWorld {
  readonly disks: ReadonlyMap<string, SimulatedDisk>;
  readonly companies: ReadonlyMap<string, SimulatedCompany>;
  readonly #world: World;
  readonly #settings: ShopSettings;
  readonly #visitors = new Map<string, ServiceNode>();

  constructor(world: World, settings: ShopSettings) {
    this.#world = world;
    this.#settings = settings;
    // Disks of these machines are copied to nobody.
    const durability = settings.durability === "replicated" ? "disk" : settings.durability;
    this.disks = new Map(
      serviceNodes.map((name) => [name, world.resources.use(new SimulatedDisk(world, { durability }))]),
    );
    this.companies = new Map(companies.map((name) => [name, new SimulatedCompany(world, name, settings)]));
    for (const name of serviceNodes) world.node(name, { start: (host) => this.#openNode(host, [name]) });
  }

  /** Starts every service. */
  async start(): Promise<void> {
    await Promise.all(serviceNodes.map(async (name) => await this.#world.nodes.get(name)?.start()));
  }

  /** A machine without services, from which the shop is called. */
  async visitor(name: string): Promise<ShopClients> {
    const node = this.#world.node(name, {
      start: async (host) => {
        const visitor = await this.#openNode(host, []);
        this.#visitors.set(name, visitor);
        return visitor;
      },
    });
    await node.start();
    const visitor = this.#visitors.get(name);
    if (visitor === undefined) throw new Error(`${name} could not start`);
    return { client: <C extends AnyContract>(contract: C): Client<C> => visitor.services.client(contract) };
  }

  #openNode(host: NodeHost, only: readonly string[]): Promise<ServiceNode> {
    const { clock, name, random } = host;
    const system = shopSystem(this.#settings, {
      openEngine: () => this.#diskOf(name).open(host),
      openReads: readsOnEngine,
      openOutside: (options) => Promise.resolve(this.#companyOf(options.name).open(options.clock)),
    });
    const addresses = system.services.map(({ contract }) => {
      return [contractId(contract), [{ id: contract.name, address: contract.name }]] as const;
    });
    const directory = fixedDirectory(Object.fromEntries(addresses));
    return openNode(system, { only, identity: name, directory, clock, random, transport: worldTransport(host) });
  }

  #diskOf(name: string): SimulatedDisk {
    const disk = this.disks.get(name);
    if (disk === undefined) throw new Error(`${name} has no disk`);
    return disk;
  }

  #companyOf(name: string): SimulatedCompany {
    const company = this.companies.get(name);
    if (company === undefined) throw new Error(`there is no company ${name}`);
    return company;
  }
}
