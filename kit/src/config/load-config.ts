import { oneOf } from "../errors/mod.ts";
import { argumentsOf, type ConfigInput, inputOf } from "./command-line-system.ts";
import type { ConfigDefinition, ConfigValues, OptionShape } from "./config.ts";
import { ConfigFaultsError } from "./errors.ts";
import { readOptions, strangeArguments } from "./read-options.ts";

/** What the program was told, and how strictly it is read. */
export interface LoadConfigOptions extends ConfigInput {
  /** Flags and arguments that no option reads: `refuse` them (default), or `ignore` them where another part of the program reads them. */
  readonly strangers?: "refuse" | "ignore" | undefined;
}

/**
 * The values: flags before variables before defaults. Throws one {@link ConfigFaultsError} that lists everything that is wrong, so
 * that nobody has to start a program five times to learn of five faults. `--help` and `-h` are let pass; see `describeConfig`.
 */
export function loadConfig<S extends OptionShape>(
  definition: ConfigDefinition<S>,
  options: LoadConfigOptions = {},
): ConfigValues<S> {
  const strangers = oneOf("strangers", options.strangers ?? "refuse", ["refuse", "ignore"]);
  const { env, argv } = inputOf(options);
  const args = argumentsOf(argv, definition.options);
  const readings = readOptions(definition.options, env, args);
  const faults = readings.flatMap(({ result }) => (result.ok ? [] : [result.fault]));
  if (strangers === "refuse") faults.push(...strangeArguments(definition.options, args));
  if (faults.length > 0) throw new ConfigFaultsError(faults);
  const values = readings.map(({ name, result }) => [name, result.ok ? result.value : undefined]);
  return Object.freeze(Object.fromEntries(values)) as ConfigValues<S>;
}
