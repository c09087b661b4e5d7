import assert from "node:assert/strict";
import { entryOf, lease, type Rule } from "./rule.ts";

/** What is kept, and for how long. */
export const entryRules: readonly Rule[] = [
  {
    name: "what was written is found, with its tags, its version and the rest of its life",
    run: async ({ tier, pass }) => {
      await tier.write("a", entryOf("x", { tags: ["t", "u"], version: 7 }));
      await pass(400);
      const [read] = await tier.read(["a"]);
      assert(read?.kind === "found");
      assert.deepEqual([read.entry.body, read.entry.version], ["x", 7]);
      assert.deepEqual([...read.entry.tags].toSorted(), ["t", "u"]);
      assert(read.entry.freshMs > 0 && read.entry.freshMs <= 600, `fresh for ${read.entry.freshMs}`);
      assert(read.entry.keptMs > 1_000 && read.entry.keptMs <= 1_600, `kept for ${read.entry.keptMs}`);
    },
  },
  {
    name: "an answer a key, in the order of the keys; a key without an entry is missing",
    run: async ({ tier }) => {
      await tier.write("a", entryOf("x"));
      await tier.write("b", entryOf("y"));
      const reads = await tier.read(["b", "none", "a"]);
      assert.deepEqual(
        reads.map((read) => (read.kind === "found" ? read.entry.body : read.kind)),
        ["y", "missing", "x"],
      );
      assert.deepEqual(await tier.read([]), []);
    },
  },
  {
    name: "that there is no value is kept like a value, and the empty text is a value",
    run: async ({ tier }) => {
      await tier.write("none", entryOf(undefined));
      await tier.write("empty", entryOf(""));
      const bodies = (await tier.read(["none", "empty"])).map((read) => read.kind === "found" && read.entry.body);
      assert.deepEqual(bodies, [undefined, ""]);
    },
  },
  {
    name: "an entry is fresh, then stale, then gone",
    run: async ({ tier, pass }) => {
      await tier.write("a", entryOf("x"));
      await pass(1_200);
      const [stale] = await tier.read(["a"]);
      assert(stale?.kind === "found" && stale.entry.freshMs <= 0 && stale.entry.keptMs > 0);
      await pass(1_000);
      assert.equal((await tier.read(["a"]))[0]?.kind, "missing");
    },
  },
  {
    name: "a write with a smaller version is outdated and changes nothing; an equal or larger one, or one without, is stored",
    run: async ({ tier }) => {
      assert.equal(await tier.write("a", entryOf("5", { version: 5 })), "stored");
      assert.equal(await tier.write("a", entryOf("4", { version: 4 })), "outdated");
      const [kept] = await tier.read(["a"]);
      assert.equal(kept?.kind === "found" && kept.entry.body, "5");
      assert.equal(await tier.write("a", entryOf("again", { version: 5 })), "stored");
      assert.equal(await tier.write("a", entryOf("6", { version: 6 })), "stored");
      assert.equal(await tier.write("a", entryOf("plain")), "stored");
    },
  },
  {
    name: "a fill with a smaller version than what is there is refused",
    run: async ({ tier, pass }) => {
      await tier.write("a", entryOf("5", { version: 5 }));
      await pass(1_200);
      const [stale] = await tier.read(["a"], lease);
      assert(stale?.kind === "found" && stale.token !== undefined);
      assert.equal(await tier.fill("a", stale.token, entryOf("4", { version: 4 })), "refused");
    },
  },
];
