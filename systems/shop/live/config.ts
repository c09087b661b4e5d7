import { parseArgs } from "node:util";
import type { StockMode } from "../settings.ts";
import type { FaultMode } from "../outside/mod.ts";
import {
  choiceOf,
  complaint,
  integerOf,
  numbersJoined,
  type StorageConfig,
  storageConfig,
  storageOptions,
  storageUsage,
  UsageError,
} from "../config.ts";

/** How the shop is started. */
export interface StartConfig extends StorageConfig {
  readonly command: "start";
  /** 0: any free port. */
  readonly port: number;
  readonly orders: number;
  readonly concurrency: number;
  readonly seed: number;
  readonly faults: FaultMode;
  readonly stock: StockMode;
  readonly after: "serve" | "exit";
  /** Whether each service has a process of its own. */
  readonly spread: "on" | "off";
}

export const startUsage: string = `Usage: npm start -- [options]

Opens the shop on a folder, places generated orders through its own HTTP API, prints a summary and goes on serving.
Started again on the same folder it first finishes what was in flight, then adds a new batch.

  --data DIR              folder of the shop's data (default: ./data)
${storageUsage}  --port N                port of the HTTP API on 127.0.0.1; 0 takes any free one (default: 4000)
  --orders N              orders to place, 0 to 100000 (default: 500)
  --concurrency N         customers who shop at the same time, 1 to 500 (default: 16)
  --seed N                decides orders and faults, 0 or more (default: 1)
  --faults none|some|outage   whether provider, carrier and channels decline, fail and stall; outage: and the first
                          of two payment providers answers nothing at all (default: some)
  --stock tight|plenty    sell what is on the shelves, or let the supplier deliver what is missing (default: tight)
  --spread                one process a service, under a supervisor that starts again what dies
  --once                  exit after the summary
  --help                  this text

Exit status: 0 when every invariant holds; 1 otherwise; 2 for options that make no sense or a port in use;
130 and 143 when interrupted before the summary.
`;

const options = {
  data: { type: "string", default: "data" },
  port: { type: "string", default: "4000" },
  orders: { type: "string", default: "500" },
  concurrency: { type: "string", default: "16" },
  seed: { type: "string", default: "1" },
  faults: { type: "string", default: "some" },
  stock: { type: "string", default: "tight" },
  ...storageOptions,
  spread: { type: "boolean", default: false },
  once: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Reads the arguments behind `start`. Throws {@link UsageError}. */
export function readStartConfig(args: readonly string[]): StartConfig | "help" {
  const values = parsed(args);
  if (values.help) return "help";
  if (values.data === "") throw new UsageError("--data is empty; it takes a folder");
  return {
    command: "start",
    ...storageConfig(values),
    port: integerOf("port", values.port, { min: 0, max: 65_535 }),
    orders: integerOf("orders", values.orders, { min: 0, max: 100_000 }),
    concurrency: integerOf("concurrency", values.concurrency, { min: 1, max: 500 }),
    seed: integerOf("seed", values.seed, { min: 0 }),
    faults: choiceOf("faults", values.faults, ["none", "some", "outage"]),
    stock: choiceOf("stock", values.stock, ["tight", "plenty"]),
    after: values.once ? "exit" : "serve",
    spread: values.spread ? "on" : "off",
  };
}

function parsed(args: readonly string[]): ReturnType<typeof parse>["values"] {
  try {
    return parse(args).values;
  } catch (error) {
    throw new UsageError(complaint(error), { cause: error });
  }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: numbersJoined(args), options, allowPositionals: false, strict: true });
}
