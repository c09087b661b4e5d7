import { ConfigError, integerIn } from "../errors/mod.ts";
import { makeOption, type Option, type OptionPlace, type Parsed } from "./option.ts";

/** Where a text is read, and how long it may be. */
export interface TextOptionSettings extends OptionPlace<string> {
  /** At least so many UTF-16 code units. Default 1. */
  readonly lengthMin?: number | undefined;
  /** At most so many. Default 4,096. */
  readonly lengthMax?: number | undefined;
}

/** Where a choice is read, and what there is to choose from. */
export interface OneOfOptionSettings<T extends string> extends OptionPlace<T> {
  readonly choices: readonly T[];
}

/** Where a list is read, and how many items it may have. */
export interface ListOptionSettings extends OptionPlace<readonly string[]> {
  /** Default 0: a list may be given and empty. */
  readonly itemsMin?: number | undefined;
  /** Default 1,000. */
  readonly itemsMax?: number | undefined;
}

/** Where an address is read, and which protocols it may have. */
export interface UrlOptionSettings extends OptionPlace<Readonly<URL>> {
  /** With their colons, such as `["https:"]`. Default any. */
  readonly protocols?: readonly string[] | undefined;
}

/** A text as it is given, not trimmed. */
export function textOption(settings: TextOptionSettings): Option<string> {
  const expected = lengthText(settings);
  const parse = lengthParser(settings);
  return makeOption(settings, { kind: "text", expected, parse, show: (value) => value });
}

/** One of the `choices`, written exactly so. */
export function oneOfOption<const T extends string>(settings: OneOfOptionSettings<T>): Option<T> {
  const { choices } = settings;
  if (choices.length === 0) throw new ConfigError("choices", choices, "one choice at least");
  const expected = choices.length === 1 ? `${choices[0]}` : `one of ${choices.join(", ")}`;
  const parse = (text: string): Parsed<T> => {
    const value = choices.find((choice) => choice === text.trim());
    return value === undefined ? { ok: false, expected } : { ok: true, value };
  };
  return makeOption(settings, { kind: "choice", expected, parse, show: (value) => value });
}

const words: ReadonlyMap<string, "on" | "off"> = new Map([
  ...["on", "true", "yes", "1"].map((word) => [word, "on"] as const),
  ...["off", "false", "no", "0"].map((word) => [word, "off"] as const),
]);

/** `on` or `off`; also true and false, yes and no, 1 and 0. `--flag` alone is on, `--no-flag` is off. */
export function onOffOption(settings: OptionPlace<"on" | "off">): Option<"on" | "off"> {
  const expected = "on or off";
  const parse = (text: string): Parsed<"on" | "off"> => {
    const value = words.get(text.trim().toLowerCase());
    return value === undefined ? { ok: false, expected } : { ok: true, value };
  };
  return makeOption(settings, { kind: "on/off", expected, bare: "switch", parse, show: (value) => value });
}

/** Texts separated by commas, trimmed, without empty ones. A flag may be repeated; the items are then joined. */
export function listOption(settings: ListOptionSettings): Option<readonly string[]> {
  const itemsMax = integerIn("itemsMax", settings.itemsMax ?? 1_000, { min: 1 });
  const itemsMin = integerIn("itemsMin", settings.itemsMin ?? 0, { min: 0, max: itemsMax });
  const expected = `${itemsMin === 0 ? "at most" : `${itemsMin} to`} ${itemsMax} texts separated by commas`;
  const parse = (text: string): Parsed<readonly string[]> => {
    const items = text
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
    return items.length >= itemsMin && items.length <= itemsMax
      ? { ok: true, value: Object.freeze(items) }
      : { ok: false, expected };
  };
  return makeOption(settings, { kind: "list", expected, repeats: "join", parse, show: (value) => value.join(",") });
}

/** An absolute address with a protocol. A password within is masked wherever the option is shown. */
export function urlOption(settings: UrlOptionSettings): Option<Readonly<URL>> {
  const { protocols } = settings;
  const expected = protocols === undefined ? "an absolute URL" : `an absolute URL that begins with ${list(protocols)}`;
  const parse = (text: string): Parsed<Readonly<URL>> => {
    const value = URL.parse(text.trim());
    const isAllowed = value !== null && (protocols === undefined || protocols.includes(value.protocol));
    return isAllowed ? { ok: true, value } : { ok: false, expected };
  };
  return makeOption(settings, { kind: "url", expected, parse, show: (value) => value.href });
}

/** Checks the length alone. */
export function lengthParser(settings: TextOptionSettings): (text: string) => Parsed<string> {
  const { lengthMin, lengthMax } = lengthsOf(settings);
  const expected = lengthText(settings);
  return (text) =>
    text.length >= lengthMin && text.length <= lengthMax ? { ok: true, value: text } : { ok: false, expected };
}

/** The allowed length in words. */
export function lengthText(settings: TextOptionSettings): string {
  const { lengthMin, lengthMax } = lengthsOf(settings);
  return `a text of ${lengthMin} to ${lengthMax} characters`;
}

function lengthsOf({ lengthMin = 1, lengthMax = 4_096 }: TextOptionSettings): { lengthMin: number; lengthMax: number } {
  integerIn("lengthMin", lengthMin, { min: 0 });
  return { lengthMin, lengthMax: integerIn("lengthMax", lengthMax, { min: lengthMin }) };
}

function list(items: readonly string[]): string {
  return items.map((item) => `${item}//`).join(" or ");
}
