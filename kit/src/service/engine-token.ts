import type { Clock } from "../clock/mod.ts";
import type { Engine } from "../engine/mod.ts";
import { textOf } from "../errors/mod.ts";

/** Stands for an engine that somebody provides when the system is run. Carries the engine's type; made by {@link engineToken}. */
export interface EngineToken<T extends Engine = Engine> {
  readonly kind: "engine";
  readonly name: string;
  /** For inference only; never set. */
  readonly opens?: T;
}

/** Names an engine that services need. Two tokens of one name are the same engine. Throws {@link ConfigError}. */
export function engineToken<T extends Engine = Engine>(name: string): EngineToken<T> {
  return Object.freeze({ kind: "engine", name: textOf("name", name, { lengthMax: 64 }) });
}

/** Where an engine is opened. */
export interface EnginePlace {
  /** Folder for what is kept on this machine. */
  readonly folder: string;
  readonly clock: Clock;
  /** An engine on which this one stands, opened before and closed after it. Only those named in `needs`. */
  engine<T extends Engine>(token: EngineToken<T>): T;
}

/** How an engine of the system is opened. Made by {@link provide}. */
export interface EngineProvision {
  readonly token: EngineToken;
  readonly needs: readonly EngineToken[];
  open(place: EnginePlace): Promise<Engine>;
}

/** Options of {@link provide}. */
export interface ProvideOptions<T extends Engine> {
  /** Engines that `open` asks for. */
  readonly needs?: readonly EngineToken[];
  /** Opened once a process, when the first service that runs there needs it. */
  open(place: EnginePlace): Promise<T>;
}

/** Says how the engine of that name is opened. */
export function provide<T extends Engine>(token: EngineToken<T>, options: ProvideOptions<T>): EngineProvision {
  return Object.freeze({ token, needs: options.needs ?? [], open: (place: EnginePlace) => options.open(place) });
}
