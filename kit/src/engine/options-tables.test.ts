import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

test.each(["jetstream", "postgres", "rabbitmq", "redis", "sqlite"])(
  "the README of %s lists every option of the engine, and no other",
  (name) => {
    const source = readFileSync(join(import.meta.dirname, name, "options.ts"), "utf8");
    const readme = readFileSync(join(import.meta.dirname, name, "README.md"), "utf8");
    const [, listed = ""] = /\n## Options\n(.*?)\n## /s.exec(readme) ?? [];
    const names = Array.from(listed.matchAll(/^\| `(\w+)`/gm), ([, option = ""]) => option);
    expect(names.toSorted()).toEqual(optionsIn(source).toSorted());
    expect(names.length).toBeGreaterThan(8);
  },
);

/** Of the interface itself, and those that it picks from the driver's. */
function optionsIn(source: string): readonly string[] {
  const [, picked = "", own = ""] = /interface \w+EngineOptions(.*?)\{\n(.*?)\n\}/s.exec(source) ?? [];
  return [
    ...Array.from(picked.matchAll(/"(\w+)"/g), ([, option = ""]) => option),
    ...Array.from(own.matchAll(/^ {2}readonly (\w+)/gm), ([, option = ""]) => option),
  ];
}
