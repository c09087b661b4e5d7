import { closestName } from "./closest-name.ts";
import type { Argument } from "./command-line-system.ts";
import type { OptionShape } from "./config.ts";
import type { ConfigFault } from "./errors.ts";
import type { Option } from "./option.ts";
import { shownText } from "./shown-text.ts";

/** Where a value came from. */
export type Origin = "flag" | "env" | "default" | "none";

/** What one option was found to be. */
export interface Reading {
  readonly name: string;
  readonly option: Option<unknown>;
  readonly origin: Origin;
  readonly result: { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: ConfigFault };
}

interface Given {
  readonly source: string;
  readonly text: string;
}

type Flag = Extract<Argument, { readonly kind: "flag" }>;

/** Reads every option: the flag before the variable before the default. Pure. */
export function readOptions(
  options: OptionShape,
  env: Readonly<Record<string, string | undefined>>,
  args: readonly Argument[],
): Reading[] {
  return Object.entries(options).map(([name, option]) => readOption(name, option, { env, args }));
}

/** A fault for every flag and argument that no option reads. Values are not shown: a mistyped flag may carry a secret. */
export function strangeArguments(options: OptionShape, args: readonly Argument[]): ConfigFault[] {
  const known = Object.values(options).flatMap(({ flag, bare }) =>
    flag === undefined ? [] : bare === "switch" ? [flag, `no-${flag}`] : [flag],
  );
  let afterStranger = false;
  return args.flatMap((argument) => {
    if (argument.kind === "positional") {
      const expected = afterStranger ? "a known flag before it" : "flags only";
      const shown = afterStranger ? "an argument after an unknown flag" : `the argument ${shownText(argument.value)}`;
      return [{ option: "", source: "", expected, message: `${shown} is not expected` }];
    }
    afterStranger = argument.name !== "help" && !known.includes(argument.name);
    return afterStranger ? [strangeFlag(argument, known)] : [];
  });
}

function strangeFlag({ name, raw }: Flag, known: readonly string[]): ConfigFault {
  const closest = closestName(name, [...known, "help"]);
  const source = shownText(raw);
  const advice = closest === undefined ? "--help lists the flags" : `did you mean --${closest}?`;
  const expected = closest === undefined ? "a known flag" : `--${closest}`;
  return { option: "", source, expected, message: `${source} is not known; ${advice}` };
}

interface Input {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly args: readonly Argument[];
}

function readOption(name: string, option: Option<unknown>, { env, args }: Input): Reading {
  const flags = args.filter((argument): argument is Flag => argument.kind === "flag" && isFlagOf(option, argument));
  if (flags.length > 0) return { name, option, origin: "flag", result: fromFlags(name, option, flags) };
  const text = option.env === undefined ? undefined : env[option.env];
  if (option.env !== undefined && text !== undefined && text !== "")
    return { name, option, origin: "env", result: parsed(name, option, { source: option.env, text }) };
  if (option.presence === "default")
    return { name, option, origin: "default", result: { ok: true, value: option.fallback } };
  if (option.presence === "optional") return { name, option, origin: "none", result: { ok: true, value: undefined } };
  const source = placesOf(option).join(" or ");
  const message = `${name} is missing: set ${source} to ${option.expected}`;
  return {
    name,
    option,
    origin: "none",
    result: refused({ option: name, source, expected: option.expected, message }),
  };
}

function isFlagOf({ flag, bare }: Option<unknown>, { name }: Flag): boolean {
  return flag !== undefined && (name === flag || (bare === "switch" && name === `no-${flag}`));
}

function fromFlags(name: string, option: Option<unknown>, flags: readonly Flag[]): Reading["result"] {
  const texts: string[] = [];
  for (const { name: flagName, raw, value, isInline } of flags) {
    const text = option.bare === "switch" ? switchText(flagName === option.flag, value) : value;
    const problem =
      text === undefined ? "needs a value" : isInline || !text.startsWith("--") ? undefined : `is followed by a flag`;
    if (text === undefined || problem !== undefined) {
      const message = `${raw} ${problem ?? "has no value"}, expected ${option.expected}`;
      return refused({ option: name, source: raw, expected: option.expected, message });
    }
    texts.push(text);
  }
  const source = `--${option.flag ?? ""}`;
  if (texts.length > 1 && option.repeats === "refuse") {
    const message = `${source} is given ${texts.length} times, expected once`;
    return refused({ option: name, source, expected: "once", message });
  }
  return parsed(name, option, { source, text: texts.join(",") });
}

/** `--trace` is on, `--no-trace` is off, `--trace=off` is what it says; `--no-trace=off` is a riddle. */
function switchText(isPlain: unknown, value: string | undefined): string | undefined {
  if (isPlain === true) return value ?? "on";
  return value === undefined ? "off" : undefined;
}

function parsed(name: string, option: Option<unknown>, { source, text }: Given): Reading["result"] {
  const result = option.parse(text);
  if (result.ok) return result;
  const { expected } = result;
  if (option.visibility === "secret") {
    const message = `${source} holds a secret that does not fit, expected ${expected}`;
    return refused({ option: name, source, expected, message });
  }
  const given = shownText(text);
  const message = `${source} is ${JSON.stringify(given)}, expected ${expected}`;
  return refused({ option: name, source, given, expected, message });
}

/** `--port` and `PORT`. */
export function placesOf({ flag, env }: Pick<Option<unknown>, "flag" | "env">): string[] {
  return [...(flag === undefined ? [] : [`--${flag}`]), ...(env === undefined ? [] : [env])];
}

function refused(fault: ConfigFault): Reading["result"] {
  return { ok: false, fault };
}
