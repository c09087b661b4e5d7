import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { foldersWithoutRow, layersTable, tableFaults, type Row } from "./layers.ts";
import { planted } from "./planted.test-folder.ts";

const source: string = join(import.meta.dirname, "../kit/src");

describe("the table of layers", () => {
  test("has a row for every folder of the kit that holds code", () => {
    expect(foldersWithoutRow(source)).toEqual([]);
  });

  test("imports downwards only and never in a circle", () => {
    expect(tableFaults()).toEqual([]);
  });
});

test("the page on the architecture shows the table as it is", () => {
  const page = readFileSync(join(import.meta.dirname, "../ARCHITECTURE.md"), "utf8");
  const shown = /<!-- layers.*?-->(?<rows>.*)<!-- end of layers -->/s.exec(page)?.groups?.["rows"] ?? "";
  const rows = shown.split("\n").map((line) => line.replaceAll(/ +/g, " ").trim());
  expect(rows.filter((line) => line.startsWith("|")).slice(2)).toEqual(layersTable());
});

describe("the check of the table", () => {
  test("reports a planted folder without a row, nested or not", () => {
    const files = ["errors/errors.ts", "stray/mod.ts", "engine/stray/deep/a.ts", "notes/README.md"];
    const place = planted(Object.fromEntries(files.map((file) => [file, ""])));
    expect(foldersWithoutRow(place)).toEqual(["engine/stray/deep", "stray"]);
  });

  test("reports a circle, an import upwards and a door that does not exist", () => {
    const table: Record<string, Row> = {
      low: { level: 0, doors: ["high", "gone"] },
      high: { level: 1, doors: ["low"] },
    };
    expect(tableFaults(table)).toEqual([
      "low: no row gone",
      "low (level 0) imports high of a higher level",
      "low imports itself in a circle",
      "high imports itself in a circle",
    ]);
  });
});
