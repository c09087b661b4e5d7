import type { Clock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { ConfigError } from "../errors/mod.ts";
import type { EngineProvision, EngineToken } from "./engine-token.ts";

/** The engines of one process, opened when first asked for and closed in reverse order. */
export class Engines implements AsyncDisposable {
  readonly #provisions: ReadonlyMap<string, EngineProvision>;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #opened = new Map<string, Engine>();
  readonly #stack = new AsyncDisposableStack();

  constructor(provisions: readonly EngineProvision[], place: { readonly folder: string; readonly clock: Clock }) {
    this.#provisions = new Map(provisions.map((provision) => [provision.token.name, provision]));
    this.#folder = place.folder;
    this.#clock = place.clock;
  }

  /** The engines that are open, by name. */
  get opened(): ReadonlyMap<string, Engine> {
    return this.#opened;
  }

  /** The engine of that name; opens it, and before it those on which it stands. One after the other: not to be called twice at once. */
  async open({ name }: EngineToken): Promise<Engine> {
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const provision = this.#provisions.get(name);
    if (provision === undefined) throw new ConfigError("engine", name, "an engine that the system provides");
    const below = new Map<string, Engine>();
    for (const need of provision.needs) below.set(need.name, await this.open(need));
    const engine = await provision.open({
      folder: this.#folder,
      clock: this.#clock,
      engine: <T extends Engine>(token: EngineToken<T>) => {
        const needed = below.get(token.name);
        if (needed === undefined) throw new ConfigError("needs", token.name, `named among the needs of ${name}`);
        return needed as T;
      },
    });
    this.#stack.use(engine);
    this.#opened.set(name, engine);
    return engine;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
