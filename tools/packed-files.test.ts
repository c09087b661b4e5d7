import { expect, test } from "vitest";
import { strayFiles } from "./packed-files.ts";

const exports = {
  "./queue": {
    "ashlar-source": "./src/queue/mod.ts",
    types: "./dist/queue/mod.d.ts",
    default: "./dist/queue/mod.js",
  },
};
const good: readonly string[] = ["package.json", "README.md", "LICENSE", "dist/queue/mod.js", "dist/queue/mod.d.ts"];

test("built files and the three of every package are what is published", () => {
  expect(strayFiles([...good, "dist/queue/conformance/kill.real.js"], exports)).toEqual([]);
});

test.each([
  "src/queue/mod.ts",
  "dist/queue/queue.test.js",
  "dist/queue/kill.test-child.js",
  "dist/queue/queue.bench.d.ts",
  ".env",
])("%s must not be published", (file) => {
  expect(strayFiles([...good, file], exports)).toEqual([`${file}: must not be published`]);
});

test("a door whose file is absent, or a package without its licence, is named", () => {
  expect(strayFiles(["package.json", "README.md", "dist/queue/mod.js"], exports)).toEqual([
    "LICENSE: missing",
    "dist/queue/mod.d.ts: missing",
  ]);
});
