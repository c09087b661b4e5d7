import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { foldersWithoutRow, tableFaults, type Row } from "./layers.ts";

const source: string = join(import.meta.dirname, "../kit/src");

describe("the table of layers", () => {
  test("has a row for every folder of the kit that holds code", () => {
    expect(foldersWithoutRow(source)).toEqual([]);
  });

  test("imports downwards only and never in a circle", () => {
    expect(tableFaults()).toEqual([]);
  });
});

describe("the check of the table", () => {
  test("reports a planted folder without a row, nested or not", () => {
    const place = mkdtempSync(join(tmpdir(), "ashlar-layers-"));
    onTestFinished(() => rmSync(place, { recursive: true }));
    for (const file of ["errors/errors.ts", "stray/mod.ts", "engine/stray/deep/a.ts", "notes/README.md"]) {
      mkdirSync(dirname(join(place, file)), { recursive: true });
      writeFileSync(join(place, file), "");
    }
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
