// A folder of planted files in which a test tries a tool, and which is gone when the test is over.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** Writes `files` (path to text) into a new temporary folder, returns it, and removes it after the running test. */
export function planted(files: Readonly<Record<string, string>>): string {
  const place = mkdtempSync(join(tmpdir(), "ashlar-planted-"));
  onTestFinished(() => rmSync(place, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    writeFileSync(join(place, file), text);
  }
  return place;
}
