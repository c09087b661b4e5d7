import type { OptionShape } from "./config.ts";
import type { Option } from "./option.ts";
import { placesOf } from "./read-options.ts";
import { shownText } from "./shown-text.ts";

/** One option a line, in two columns: where it is read; what it is for, what it accepts, and its default. */
export function helpText(options: OptionShape): string {
  const rows = Object.values(options).map((option) => [placesOf(option).join(", "), meaning(option)] as const);
  const all = [...rows, ["--help, -h", "shows this text"] as const];
  const width = Math.max(...all.map(([places]) => places.length));
  return all.map(([places, text]) => `  ${places.padEnd(width)}  ${text}`).join("\n");
}

function meaning(option: Option<unknown>): string {
  const { describe, expected, presence, fallback } = option;
  const presenceText = presence === "default" ? `default ${shownText(option.show(fallback))}` : presence;
  const detail = `${expected}; ${presenceText}`;
  return describe === "" ? detail : `${describe} (${detail})`;
}
