import { ConfigError } from "../errors/mod.ts";
import type { Option } from "./option.ts";

/** Options by the names that the program uses. */
export type OptionShape = Readonly<Record<string, Option<unknown>>>;

/** The values of a shape. */
export type ConfigValues<S extends OptionShape> = {
  readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never;
};

/** What a program can be told, as a value: loaded, described, and put together from parts by spreading their `options`. */
export interface ConfigDefinition<S extends OptionShape> {
  readonly options: S;
}

/** Throws {@link ConfigError} when two options read the same flag or variable. */
export function config<const S extends OptionShape>(options: S): ConfigDefinition<S> {
  const owners = new Map<string, string>();
  for (const [name, { flag, env }] of Object.entries(options))
    for (const place of [flag === undefined ? undefined : `--${flag}`, env]) {
      if (place === undefined) continue;
      const owner = owners.get(place);
      if (owner !== undefined) throw new ConfigError(name, place, `a place that ${owner} does not read`);
      owners.set(place, name);
    }
  return { options };
}
