import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exportDifferences, exportMap, withExports } from "./exports.ts";
import { planted } from "./planted.test-folder.ts";

const queue = {
  "ashlar-source": "./src/queue/mod.ts",
  types: "./dist/queue/mod.d.ts",
  default: "./dist/queue/mod.js",
};

test("every door becomes one subpath, also below another, and there is no root export", () => {
  const place = planted({
    "src/queue/mod.ts": "",
    "src/queue/conformance/mod.ts": "",
    "src/queue/queue.ts": "",
    "src/notes.md": "",
  });
  const map = exportMap(place);
  expect(Object.keys(map)).toEqual(["./queue", "./queue/conformance"]);
  expect(map["./queue"]).toEqual(queue);
});

test("a door that is not published, a subpath without a door and a wrong target are named", () => {
  const exports = { "./gone": queue, "./queue": { ...queue, default: "./dist/queue.js" } };
  const place = planted({
    "src/queue/mod.ts": "",
    "src/saga/mod.ts": "",
    "package.json": JSON.stringify({ name: "ashlar", exports }),
  });
  expect(exportDifferences(place)).toEqual([
    "./gone: published, but there is no such door",
    "./queue: published with other targets than the door has",
    "./saga: a door that is not published",
  ]);
});

test("writing the map leaves the other fields alone and ends the differences", () => {
  const place = planted({ "src/queue/mod.ts": "", "package.json": '{"name":"ashlar","exports":{},"files":["dist"]}' });
  const written = withExports(readFileSync(join(place, "package.json"), "utf8"), exportMap(place));
  expect(JSON.parse(written)).toEqual({ name: "ashlar", exports: { "./queue": queue }, files: ["dist"] });
});
