import { parseArgs } from "node:util";
import { defaultNamespace, type ShopDurability, type StockMode } from "./settings.ts";
import { cacheAddress, filesAddress, namespaceOf, readsAddress, storageAddress } from "./storage/mod.ts";
import { UsageError } from "./usage-error.ts";
import type { FaultMode } from "./outside/mod.ts";

export { UsageError };

export interface ReplayConfig extends StorageConfig {
  readonly command: "replay";
  readonly file: string;
  readonly stock: StockMode;
  readonly faults: FaultMode;
  readonly seed: number;
  readonly limit: number | undefined;
  readonly output: "text" | "json";
  /** Whether each service has a process of its own. */
  readonly spread: "on" | "off";
  /** Whether the services run in this process, and those that it starts, or as replicas that others started. */
  readonly services: "here" | "elsewhere";
}

/** Where a shop keeps what it owns, and how well. */
export interface StorageConfig {
  /** Folder of the shop's and the outside world's files. */
  readonly data: string;
  /** `sqlite` or the address of a database. */
  readonly engine: string;
  readonly namespace: string;
  readonly cache: string | undefined;
  readonly bus: string | undefined;
  readonly reads: string | undefined;
  readonly durability: ShopDurability;
}

export type Config = ReplayConfig | { readonly command: "help" };

/** The options of {@link storageConfig}, for both usages. */
export const storageUsage: string = `  --engine sqlite|URL     SQLite files in that folder, or a database that many machines share:
                          postgres://user@host:5432/database, several hosts as host1:5432,host2:5432;
                          SHOP_ENGINE says it without showing it in the list of processes (default: sqlite)
  --namespace NAME        what the schemas of this shop in the database begin with (default: shop)
  --cache URL             where replicas share what they remember: redis://host:6379, or SHOP_CACHE (default: nowhere)
  --bus URL               where they tell each other what has changed: redis://host:6379, nats://host:4222 or
                          postgres://user@host:5432/database, or SHOP_BUS (default: as --cache)
  --reads URL             a replica of the database, for figures of sales and recommendations that may be five seconds
                          old: postgres://user@replica:5432/database, or SHOP_READS (default: none)
  --durability process|disk|replicated   what an order survives: a kill of the process, a power cut, or the loss of the
                          database's machine (default: process)
`;

export const usage: string = `Usage: shop replay FILE [options]
       shop start [options]      (see shop start --help)
       shop node --only SERVICES [options]      a replica that finds the others by the registry (see shop node --help)

Replays an order file (CSV, also gzipped) through the shop. Killed at any moment, the same command goes on where it stopped;
a file that was imported before changes nothing.

  --data DIR              folder of the shop's data (default: shop-data)
${storageUsage}  --stock plenty|tight    the supplier delivers what is missing, or nothing after a first delivery (default: plenty)
  --faults none|some|outage   whether provider, carrier and channels decline, fail and stall; outage: and the first
                          of two payment providers answers nothing at all (default: none)
  --seed N                decides faults and quantities, 0 or more (default: 1)
  --limit N               stop after the first N invoices of the file
  --spread                one process a service, under a supervisor
  --elsewhere             run no services, and call the replicas that "shop node --only …" runs on the same engine
  --json                  print the totals as one JSON object on the last line
  --help                  this text

Exit status: 0 when every invariant holds and nothing is open; 1 otherwise; 2 for a command or file that makes no sense;
130 and 143 when interrupted.
`;

/** Reads the command line. Throws {@link UsageError}. */
export function readConfig(args: readonly string[]): Config {
  const { values, positionals } = parsed(args);
  const [command, file, ...more] = positionals;
  if (values.help === true) return { command: "help" };
  if (command !== "replay")
    throw new UsageError(`unknown command ${command === undefined ? "(none)" : JSON.stringify(command)}; try --help`);
  if (file === undefined) throw new UsageError("replay needs a file; try --help");
  if (values.spread === true && values.elsewhere === true)
    throw new UsageError("--spread starts the services and --elsewhere does not; choose one");
  if (more.length > 0) throw new UsageError(`replay takes one file, not also ${JSON.stringify(more[0])}`);
  return {
    command,
    file,
    ...storageConfig(values),
    stock: choiceOf("stock", values.stock, ["plenty", "tight"]),
    faults: choiceOf("faults", values.faults, ["none", "some", "outage"]),
    seed: integerOf("seed", values.seed, { min: 0 }),
    limit: values.limit === undefined ? undefined : integerOf("limit", values.limit, { min: 1 }),
    spread: values.spread === true ? "on" : "off",
    services: values.elsewhere === true ? "elsewhere" : "here",
    output: values.json === true ? "json" : "text",
  };
}

/** Options that say where a shop keeps what it owns. */
export const storageOptions = {
  engine: { type: "string" },
  namespace: { type: "string", default: defaultNamespace },
  cache: { type: "string" },
  bus: { type: "string" },
  reads: { type: "string" },
  durability: { type: "string", default: "process" },
} as const;

/** Reads them. Throws {@link UsageError}. */
export function storageConfig(values: {
  readonly data: string;
  readonly engine?: string | undefined;
  readonly namespace: string;
  readonly cache?: string | undefined;
  readonly bus?: string | undefined;
  readonly reads?: string | undefined;
  readonly durability: string;
}): StorageConfig {
  const engine = values.engine ?? process.env["SHOP_ENGINE"] ?? filesAddress;
  const address = storageAddress(engine);
  const durability = choiceOf("durability", values.durability, ["process", "disk", "replicated"]);
  if (address.kind === "files" && durability === "replicated")
    throw new UsageError("--durability replicated needs a database with replicas: --engine postgres://…");
  const cache = cacheAddress("cache", values.cache ?? process.env["SHOP_CACHE"]);
  const bus = cacheAddress("bus", values.bus ?? process.env["SHOP_BUS"]);
  const reads = values.reads ?? process.env["SHOP_READS"];
  readsAddress(reads, address);
  return { data: values.data, engine, namespace: namespaceOf(values.namespace), cache, bus, reads, durability };
}

/** `--orders -5` as `--orders=-5`: `parseArgs` takes what begins with a dash for another option, and no option is a number. So it is the option's range that
 *  refuses it, and says what it takes. */
export function numbersJoined(args: readonly string[]): string[] {
  return args.flatMap((word, index) => {
    if (isNumber(word) && isOption(args[index - 1])) return [];
    const next = args[index + 1];
    return isOption(word) && isNumber(next) ? [`${word}=${next}`] : [word];
  });
}

function isOption(word: string | undefined): boolean {
  return word !== undefined && /^--[a-z]+$/.test(word);
}

function isNumber(word: string | undefined): word is string {
  return word !== undefined && /^-\d/.test(word);
}

function parsed(args: readonly string[]): ReturnType<typeof parse> {
  try {
    return parse(args);
  } catch (error) {
    throw new UsageError(complaint(error), { cause: error });
  }
}

/** What `parseArgs` complains about. Its advice fills lines; its first sentence says it, but for a value that looks like an option. */
export function complaint(error: unknown): string {
  const [sentence = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  const name = /^Option '[^']*?(--[a-z]+)[^']*' argument is ambiguous/.exec(sentence)?.[1];
  return name === undefined ? sentence : `${name} needs a value that does not begin with a dash, or ${name}=VALUE`;
}

const options = {
  data: { type: "string", default: "shop-data" },
  stock: { type: "string", default: "plenty" },
  faults: { type: "string", default: "none" },
  seed: { type: "string", default: "1" },
  limit: { type: "string" },
  ...storageOptions,
  spread: { type: "boolean" },
  elsewhere: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function parse(args: readonly string[]) {
  return parseArgs({ args: numbersJoined(args), options, allowPositionals: true, strict: true });
}

/** One of the choices of an option. Throws {@link UsageError}. */
export function choiceOf<const T extends string>(option: string, value: string, choices: readonly T[]): T {
  const found = choices.find((candidate) => candidate === value);
  if (found === undefined)
    throw new UsageError(
      `--${option} is ${JSON.stringify(value)}; it takes ${choices.join(", ").replace(/, ([^,]*)$/, " or $1")}`,
    );
  return found;
}

/** An integer option within its range. Throws {@link UsageError}. */
export function integerOf(
  option: string,
  value: string,
  { min, max }: { readonly min: number; readonly max?: number },
): number {
  const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && (max === undefined || number <= max)) return number;
  const range = max === undefined ? `of ${min} or more` : `from ${min} to ${max}`;
  throw new UsageError(`--${option} is ${JSON.stringify(value)}; give it an integer ${range}`);
}
