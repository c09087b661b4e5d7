export { config, type ConfigDefinition, type ConfigValues, type OptionShape } from "./config.ts";
export { loadConfig, type LoadConfigOptions } from "./load-config.ts";
export { type ConfigDescription, describeConfig, type OptionDescription } from "./describe-config.ts";
export type { ConfigInput } from "./command-line-system.ts";
export type { Origin } from "./read-options.ts";
export { type Option, optional, type OptionPlace, type Parsed } from "./option.ts";
export { intOption, numberOption, type NumberOptionSettings } from "./number-options.ts";
export { bytesOption, durationOption } from "./quantity-options.ts";
export {
  listOption,
  type ListOptionSettings,
  oneOfOption,
  type OneOfOptionSettings,
  onOffOption,
  textOption,
  type TextOptionSettings,
  urlOption,
  type UrlOptionSettings,
} from "./text-options.ts";
export { secretOption, type SecretOptionSettings } from "./secret-option.ts";
export { schemaOption, type SchemaOptionSettings } from "./schema-option.ts";
export { secret, type Secret } from "./secret.ts";
export { type ConfigFault, ConfigFaultsError } from "./errors.ts";
