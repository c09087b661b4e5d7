import { argv, env } from "node:process";
import { parseArgs } from "node:util";
import type { OptionShape } from "./config.ts";

/** What a program was told. */
export interface ConfigInput {
  /** Default: the variables of the process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Arguments without the program itself. Default: those of the process. */
  readonly argv?: readonly string[] | undefined;
}

/** One part of a command line. `value` of a flag is absent when it stands alone. */
export type Argument =
  | {
      readonly kind: "flag";
      readonly name: string;
      readonly raw: string;
      readonly value: string | undefined;
      readonly isInline: boolean;
    }
  | { readonly kind: "positional"; readonly value: string };

/** What the process was told, where the caller says nothing else. */
export function inputOf(
  input: ConfigInput,
): Required<{ readonly [K in keyof ConfigInput]: NonNullable<ConfigInput[K]> }> {
  return { env: input.env ?? env, argv: input.argv ?? argv.slice(2) };
}

/** The command line in parts; the options say which flags take a value. Never throws: what is wrong is told together with all else. */
export function argumentsOf(args: readonly string[], options: OptionShape): Argument[] {
  const known = Object.values(options).flatMap(({ flag, bare }) =>
    flag === undefined ? [] : [[flag, { type: bare === "switch" ? "boolean" : "string" } as const] as const],
  );
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...Object.fromEntries(known), help: { type: "boolean", short: "h" } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.flatMap((token): Argument[] => {
    if (token.kind === "positional") return [{ kind: "positional", value: token.value }];
    if (token.kind === "option-terminator") return [];
    const { name, rawName: raw, value, inlineValue } = token;
    return [{ kind: "flag", name, raw, value, isInline: inlineValue ?? false }];
  });
}
