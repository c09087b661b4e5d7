import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folder = new URL(".", import.meta.url);
const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.includes("test"));
const texts = sources.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");

// SQLite's planner looks at a bound limit and prepares the statement anew at every execution, at ten times its cost.
test("no statement binds its limit bare", () => {
  expect(texts.match(/limit \?\+0/g)?.length).toBeGreaterThan(5);
  expect(texts.match(/limit \?[^+?\s].*/g)).toBeNull();
});

// SQLite seeks the one that is named first, and walks from there to the other: a scan page by page reads all pages before each page.
test("no statement has two lower bounds of a column", () => {
  expect(texts.match(/\b(\w+) >=? \S+ and \1 >/g)).toBeNull();
});
