import { systemClock } from "ashlar/clock";
import {
  config,
  describeConfig,
  intOption,
  loadConfig,
  oneOfOption,
  optional,
  textOption,
  type ConfigInput,
} from "ashlar/config";
import { type LogFields, run, runConfig, type Running } from "ashlar/service";
import { shopSystem } from "./design.ts";
import { openEdge } from "./edge/mod.ts";
import { logLine } from "./log-line.ts";
import { defaultNamespace } from "./settings.ts";
import { saidWhenSlow } from "./slow-opening.ts";
import { cacheAddress, filesAddress, namespaceOf, storageOf } from "./storage/mod.ts";

/** What a process of a shop is told, besides where it runs. */
const shopConfig = config({
  ...runConfig.options,
  seed: intOption({ flag: "seed", env: "SHOP_SEED", default: 1, min: 0, describe: "decides faults and quantities" }),
  stock: oneOfOption({
    flag: "stock",
    env: "SHOP_STOCK",
    choices: ["tight", "plenty"],
    default: "tight",
    describe: "sell what is there, or let the supplier deliver what is missing",
  }),
  faults: oneOfOption({
    flag: "faults",
    env: "SHOP_FAULTS",
    choices: ["none", "some", "outage"],
    default: "some",
    describe: "whether provider, carrier and channels decline, fail and stall",
  }),
  sale: oneOfOption({
    flag: "sale",
    env: "SHOP_SALE",
    choices: ["at once", "at day close"],
    default: "at once",
    describe: "when stock that came back can be sold again",
  }),
  durability: oneOfOption({
    flag: "durability",
    env: "SHOP_DURABILITY",
    choices: ["process", "disk", "replicated"],
    default: "process",
    describe: "what an order survives: a kill of the process, a power cut, or the loss of the database's machine",
  }),
  engine: textOption({
    flag: "engine",
    env: "SHOP_ENGINE",
    default: filesAddress,
    describe: "sqlite for files in the folder, or postgres://user@host:5432/database for all machines",
  }),
  namespace: textOption({
    flag: "namespace",
    env: "SHOP_NAMESPACE",
    default: defaultNamespace,
    describe: "what the schemas of this shop in the database begin with",
  }),
  cache: optional(
    textOption({
      flag: "cache",
      env: "SHOP_CACHE",
      describe: "redis://host:6379, where replicas share what they remember",
    }),
  ),
  bus: optional(
    textOption({
      flag: "bus",
      env: "SHOP_BUS",
      describe:
        "where they tell each other what has changed, if not there: redis://host:6379, nats://host:4222 or postgres://user@host:5432/database",
    }),
  ),
  reads: optional(
    textOption({
      flag: "reads",
      env: "SHOP_READS",
      describe: "postgres://user@replica:5432/database, for reads that may be some seconds old",
    }),
  ),
  host: textOption({ flag: "host", env: "SHOP_HOST", default: "127.0.0.1", describe: "address of the HTTP API" }),
  port: optional(intOption({ flag: "port", env: "SHOP_PORT", min: 0, max: 65_535, describe: "HTTP API, if wanted" })),
});

const usageHead = `Usage: shop node [options]

One process of a shop, for those who start processes themselves: with --only a replica that finds the others by the registry beside the
data, without it all nine services. With --port it opens the shop to the outside, too.

`;

/** The text for people who ask for help. */
export function nodeUsage(input: ConfigInput): string | undefined {
  const { help, helpAsked } = describeConfig(shopConfig, input);
  return helpAsked ? `${usageHead}${help}\n` : undefined;
}

/** A process of a shop that runs, and where it is open to the outside, if it is. */
export interface RunningNode extends Running {
  readonly url: string | undefined;
  /** Where the data are, for people. */
  readonly where: string;
}

/** One process of a shop: a service under a supervisor, or replicas that find each other by the registry (`--only orders`).
 *  `note` is told when the data cannot be had at once. */
export async function runNode(
  input: ConfigInput,
  note: (text: string) => void = () => undefined,
): Promise<RunningNode> {
  const settings = loadConfig(shopConfig, input);
  namespaceOf(settings.namespace);
  cacheAddress("cache", settings.cache);
  cacheAddress("bus", settings.bus);
  const storage = storageOf(settings);
  await saidWhenSlow(storage.check(), { clock: systemClock, note, where: storage.where });
  const { host, port } = settings;
  let url: string | undefined;
  const running = await run(shopSystem(settings, storage), {
    ...input,
    entrance:
      port === undefined
        ? undefined
        : async ({ system, dispatcher, health }) => {
            const log = (line: LogFields): void => void process.stderr.write(logLine(line, "log"));
            const edge = await openEdge({ system, dispatcher, health, host, port, clock: systemClock, log });
            ({ url } = edge);
            return edge;
          },
  });
  return { ...running, url, where: storage.where };
}

if (import.meta.main) await runNode({ argv: process.argv.slice(2), env: process.env });
