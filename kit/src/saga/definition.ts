import type { Durability } from "../engine/mod.ts";
import { ConfigError, integerIn, oneOf, textOf } from "../errors/mod.ts";
import { type RetryPlan, retryPlan } from "../queue/mod.ts";
import { parseSync, type StandardSchema } from "../schema/mod.ts";
import type { SagaContext, SagaDefinition, SagaRules } from "./context.ts";

/** Rules of a saga; defaults and ranges are resolved by {@link saga}. */
export interface SagaOptions<Input, State = unknown> {
  /** Every run is pinned to the version it was started with. Change it whenever steps are added, removed, renamed or reordered. */
  readonly version: string;
  /** Checked, and possibly transformed, once at start. */
  readonly input?: StandardSchema<unknown, Input> | undefined;
  /** For steps and compensations that have none of their own. Default: 5 attempts from 100 ms, doubling, at most a minute apart. */
  readonly retry?: RetryPlan | undefined;
  /** A run whose executors died so often without parking in between stops as `needs-attention`. 1 or more; default 20. */
  readonly crashesMax?: number | undefined;
  /** How long a dead executor is waited for before another takes the run over. 100 ms to one day; default 30 s. */
  readonly leaseMs?: number | undefined;
  /** Weakest durability that the engine may offer; checked at start. */
  readonly requires?: Durability | undefined;
  /** How long a finished run is remembered, and its id therefore taken. Default 30 days. */
  readonly keepMs?: number | undefined;
  /** What turns the checkpoint of an older version (undefined for a run that has recorded nothing) into one of this version. */
  readonly migrate?: Readonly<Record<string, (state: unknown) => State>> | undefined;
}

const dayMs = 86_400_000;

/**
 * Describes durable work as ordinary async code: what a step returned is recorded before its promise resolves, so that after a
 * crash another executor calls the function again and gets the recorded results, without running the steps twice. Between steps
 * the code must be deterministic: await only what the context gives, and take time and chance from it.
 * Throws {@link ConfigError} for options out of range.
 */
export function saga<Input, Output, State = unknown>(
  name: string,
  options: SagaOptions<Input, State>,
  run: (input: Input, context: SagaContext<State>) => Promise<Output>,
): SagaDefinition<Input, Output, State> {
  textOf("name", name, { lengthMax: 100 });
  if (name.includes("/"))
    throw new ConfigError("name", name, "a text without /, which separates the parts of a step's key");
  textOf("version", options.version, { lengthMax: 100 });
  return { name, version: options.version, rules: rulesOf(name, options), run };
}

function rulesOf<Input, State>(name: string, options: SagaOptions<Input, State>): SagaRules {
  const { input, requires, migrate = {} } = options;
  return {
    parse: input === undefined ? (value) => value : (value) => parseSync(input, value, `the input of saga "${name}"`),
    retry: options.retry ?? retryPlan({ attemptsMax: 5, firstMs: 100, capMs: 60_000 }),
    crashesMax: integerIn("crashesMax", options.crashesMax ?? 20, { min: 1, max: 10_000 }),
    leaseMs: integerIn("leaseMs", options.leaseMs ?? 30_000, { min: 100, max: dayMs }),
    requires:
      requires === undefined ? undefined : oneOf("requires", requires, ["memory", "process", "disk", "replicated"]),
    keepMs: integerIn("keepMs", options.keepMs ?? 30 * dayMs, { min: 1, max: 36_500 * dayMs }),
    migrate: new Map(Object.entries(migrate)),
  };
}
