import { UnsupportedError } from "../../errors/mod.ts";
import type { Clock } from "../../clock/mod.ts";
import type { Engine, EngineBase } from "../mod.ts";
import type { EngineFixture } from "./rule.ts";

/** Opens an engine whose absent parts refuse. */
export type OpenWhole = (options: { readonly clock: Clock }) => Promise<EngineFixture<Engine>>;

const methodsOfParts: ReadonlySet<string | symbol> = new Set(["claim", "extend", "get", "read", "stream"]);

/** The engine with every method of the port: those that it does not have refuse. */
export function asWhole(engine: EngineBase): Engine {
  // A stand-in, because methods with private fields must be called on the engine itself.
  return new Proxy(engine, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value === "function") return value.bind(target);
      if (value !== undefined || !methodsOfParts.has(name)) return value;
      const { engine: by, parts } = target.can;
      return () => Promise.reject(new UnsupportedError(String(name), by, `it keeps ${parts.join(", ")}`));
    },
  }) as Engine;
}

export function wholeFixture(fixture: EngineFixture): EngineFixture<Engine> {
  const { openAnother, reopen } = fixture;
  return {
    ...fixture,
    engine: asWhole(fixture.engine),
    openAnother: openAnother && (async () => asWhole(await openAnother())),
    reopen: reopen && (async () => asWhole(await reopen())),
  };
}
