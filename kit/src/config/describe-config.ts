import { argumentsOf, type ConfigInput, inputOf } from "./command-line-system.ts";
import type { ConfigDefinition, OptionShape } from "./config.ts";
import type { ConfigFault } from "./errors.ts";
import { helpText } from "./help-text.ts";
import { type Origin, type Reading, readOptions, strangeArguments } from "./read-options.ts";
import { secretMask } from "./secret.ts";
import { shownText } from "./shown-text.ts";

/** One option as it stands: bounded texts, secrets masked. */
export interface OptionDescription {
  readonly name: string;
  readonly kind: string;
  readonly flag: string | undefined;
  readonly env: string | undefined;
  readonly describe: string;
  readonly expected: string;
  readonly origin: Origin;
  /** The effective value as text; "" when there is none. */
  readonly value: string;
  readonly fault: ConfigFault | undefined;
}

/** What a program can be told, and what it was told. */
export interface ConfigDescription {
  readonly options: readonly OptionDescription[];
  /** All that `loadConfig` would refuse. */
  readonly faults: readonly ConfigFault[];
  /** Whether `--help` or `-h` is among the arguments. */
  readonly helpAsked: boolean;
  /** The options as lines for a terminal, without the effective values. */
  readonly help: string;
}

/** The effective values with where each came from, and the text for `--help`. Does not throw for what is wrong: `faults` holds it. */
export function describeConfig<S extends OptionShape>(
  definition: ConfigDefinition<S>,
  input: ConfigInput = {},
): ConfigDescription {
  const { env, argv } = inputOf(input);
  const args = argumentsOf(argv, definition.options);
  const options = readOptions(definition.options, env, args).map(described);
  const faults = options.flatMap(({ fault }) => (fault === undefined ? [] : [fault]));
  return {
    options,
    faults: [...faults, ...strangeArguments(definition.options, args)],
    helpAsked: args.some((argument) => argument.kind === "flag" && argument.name === "help"),
    help: helpText(definition.options),
  };
}

function described({ name, option, origin, result }: Reading): OptionDescription {
  const { kind, flag, env, describe, expected, visibility } = option;
  const hasValue = result.ok && result.value !== undefined;
  const value = !hasValue ? "" : visibility === "secret" ? secretMask : shownText(option.show(result.value));
  return { name, kind, flag, env, describe, expected, origin, value, fault: result.ok ? undefined : result.fault };
}
