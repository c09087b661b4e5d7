import type { Engine } from "../engine/mod.ts";
import { ConfigError } from "../errors/mod.ts";

/** Stands where an engine would; whoever uses it is told what to write. */
export function noEngine(service: string): Engine {
  return new Proxy({} as Engine, {
    get(_, name) {
      throw new ConfigError(`${service}: engine`, undefined, `an engine token, because ${String(name)} is used`);
    },
  });
}
