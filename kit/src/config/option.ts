import { ConfigError } from "../errors/mod.ts";

/** What a text means to an option: its value, or why it has none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly expected: string };

/** Where an option is read from, and what it is when nobody gives it. */
export interface OptionPlace<T> {
  /** Environment variable, such as `PORT`. An empty variable counts as not given. */
  readonly env?: string | undefined;
  /** Flag without its dashes, such as `port` for `--port 80` and `--port=80`. It wins over the variable. */
  readonly flag?: string | undefined;
  /** Value when nobody gives one. Without it the option is required, unless it is made `optional`. */
  readonly default?: T | undefined;
  /** One line for the help text. */
  readonly describe?: string | undefined;
}

/** One typed option: where it is read, what it accepts, how it is shown. Made by the factories of this folder. */
export interface Option<T> {
  readonly kind: string;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  readonly env: string | undefined;
  readonly flag: string | undefined;
  readonly describe: string;
  readonly presence: "required" | "optional" | "default";
  readonly fallback: T | undefined;
  /** What a flag that is given more than once means. */
  readonly repeats: "refuse" | "join";
  /** Whether `--flag` alone, and `--no-flag`, are values. */
  readonly bare: "refuse" | "switch";
  readonly visibility: "shown" | "secret";
  parse(text: string): Parsed<T>;
  show(value: T): string;
}

/** What a factory says about its kind of option; the rest is place. */
export interface OptionKind<T> {
  readonly kind: string;
  readonly expected: string;
  readonly repeats?: "join";
  readonly bare?: "switch";
  readonly visibility?: "secret";
  /** Defaults are checked by showing and parsing them again, except where what is shown is not what is parsed. */
  readonly defaults?: "as-they-are";
  parse(text: string): Parsed<T>;
  show(value: T): string;
}

const envPattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const flagPattern = /^(?!no-)[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** Joins a place and a kind, and checks both. Throws {@link ConfigError}: a wrong definition is a bug of the program, not of its user. */
export function makeOption<T>(place: OptionPlace<T>, kind: OptionKind<T>): Option<T> {
  const { env, flag, describe = "" } = place;
  if (env !== undefined && !envPattern.test(env)) throw new ConfigError("env", env, "letters, digits and underscores");
  if (flag !== undefined && (!flagPattern.test(flag) || flag === "help"))
    throw new ConfigError("flag", flag, "lower-case words joined by dashes, other than help and no-…");
  if (env === undefined && flag === undefined) throw new ConfigError("env", env, "env, flag or both");
  if (place.default !== undefined && kind.defaults === undefined) checkDefault(place.default, kind);
  return {
    kind: kind.kind,
    expected: kind.expected,
    env,
    flag,
    describe,
    presence: place.default === undefined ? "required" : "default",
    fallback: place.default,
    repeats: kind.repeats ?? "refuse",
    bare: kind.bare ?? "refuse",
    visibility: kind.visibility ?? "shown",
    parse: (text) => kind.parse(text),
    show: (value) => kind.show(value),
  };
}

/** The option, with `undefined` for a value that nobody gives. Throws {@link ConfigError} for one that has a default. */
export function optional<T>(option: Option<T>): Option<T | undefined> {
  if (option.presence === "default")
    throw new ConfigError("default", option.fallback, "none, because an optional option has no default");
  return { ...option, presence: "optional", show: (value) => (value === undefined ? "" : option.show(value)) };
}

function checkDefault<T>(value: T, kind: OptionKind<T>): void {
  const parsed = kind.parse(kind.show(value));
  if (!parsed.ok) throw new ConfigError("default", value, parsed.expected);
}
