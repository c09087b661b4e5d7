import {
  config,
  type ConfigDefinition,
  type ConfigValues,
  durationOption,
  intOption,
  listOption,
  onOffOption,
  type Option,
  optional,
  type OptionShape,
  textOption,
} from "../config/mod.ts";

/** The options by name. */
export interface RunShape extends OptionShape {
  readonly spread: Option<"on" | "off">;
  readonly only: Option<readonly string[] | undefined>;
  readonly data: Option<string>;
  readonly listen: Option<string>;
  readonly zone: Option<string | undefined>;
  readonly asIfRemote: Option<number | undefined>;
  readonly graceMs: Option<number>;
}

const options: RunShape = {
  spread: onOffOption({
    flag: "spread",
    env: "ASHLAR_SPREAD",
    default: "off",
    describe: "one process for each service or group, under a supervisor",
  }),
  only: optional(
    listOption({
      flag: "only",
      itemsMin: 1,
      env: "ASHLAR_ONLY",
      describe: "run only these services here; find the others by the registry",
    }),
  ),
  data: textOption({ flag: "data", env: "ASHLAR_DATA_FOLDER", default: "data", describe: "folder of what is kept" }),
  listen: textOption({
    flag: "listen",
    env: "ASHLAR_LISTEN",
    default: "127.0.0.1:0",
    describe: "where other processes call the services of this one",
  }),
  zone: optional(textOption({ flag: "zone", env: "ASHLAR_ZONE", describe: "where this process stands" })),
  asIfRemote: optional(
    intOption({ flag: "as-if-remote", min: 0, describe: "serialise, delay, reorder and repeat calls, by this seed" }),
  ),
  graceMs: durationOption({
    flag: "grace",
    env: "ASHLAR_GRACE",
    default: 10_000,
    min: 1,
    max: 3_600_000,
    describe: "time to finish work when stopping",
  }),
};

/** What a system that is run can be told by flags and variables; for a program's own options to be put beside it. */
export const runConfig: ConfigDefinition<RunShape> = config(options);

/** The values of {@link runConfig}. */
export type RunSettings = Pick<
  ConfigValues<RunShape>,
  "spread" | "only" | "data" | "listen" | "zone" | "asIfRemote" | "graceMs"
>;
