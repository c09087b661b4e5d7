import { makeOption, type Option, type Parsed } from "./option.ts";
import { secret, secretMask, type Secret } from "./secret.ts";
import { lengthParser, lengthText, type TextOptionSettings } from "./text-options.ts";

/** Where a secret is read. There is no flag: command lines are visible to every user of the machine. And no default. */
export interface SecretOptionSettings extends Pick<TextOptionSettings, "describe" | "lengthMin" | "lengthMax"> {
  readonly env: string;
}

/** A text that is never shown: not by the value, not in a description, not in a fault. As it is given, not trimmed. */
export function secretOption(settings: SecretOptionSettings): Option<Secret<string>> {
  const { env, describe } = settings;
  const check = lengthParser(settings);
  const parse = (text: string): Parsed<Secret<string>> => {
    const parsed = check(text);
    return parsed.ok ? { ok: true, value: secret(parsed.value) } : parsed;
  };
  return makeOption(
    { env, describe },
    { kind: "secret", expected: lengthText(settings), visibility: "secret", parse, show: () => secretMask },
  );
}
