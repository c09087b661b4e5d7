import { describe, expect, test } from "vitest";
import { type Disk, type DiskFile, type SimulatedNode, world, type World } from "./mod.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A node with a disk, and what its first and later processes do with it. */
async function lives(seed: number, lives: readonly ((disk: Disk) => Promise<void>)[], crash: "process" | "machine") {
  const here: World = world({ seed });
  const ended: number[] = [];
  const node: SimulatedNode = here.node("a", {
    start: async ({ disk, epoch }) => {
      await lives[epoch - 1]?.(disk);
      ended.push(epoch);
    },
  });
  await here.run(async () => {
    for (const _ of lives) {
      await node.start();
      node.crash(crash);
    }
  });
  expect(ended).toEqual(lives.map((_, index) => index + 1));
  return { here, node };
}

async function contentOf(disk: Disk, name: string): Promise<string> {
  const file = await disk.open(name, "fail");
  return textOf(await file.read(0, file.size));
}

async function written(disk: Disk, name: string, ...texts: string[]): Promise<DiskFile> {
  const file = await disk.open(name);
  for (const text of texts) await file.append(bytesOf(text));
  return file;
}

describe("what was synced", () => {
  test("is there after a power cut, whatever the seed", async () => {
    for (let seed = 0; seed < 50; seed++) {
      const first = async (disk: Disk): Promise<void> => {
        const file = await written(disk, "log", "one,", "two,");
        await file.sync();
        await disk.syncNames();
        await file.append(bytesOf("three,"));
      };
      await lives(
        seed,
        [first, async (disk) => expect(await contentOf(disk, "log")).toMatch(/^one,two,(t(h(r(e(e,?)?)?)?)?)?$/)],
        "machine",
      );
    }
  });

  test("counts from when the sync began: overlapping syncs each cover what was written before them", async () => {
    for (let seed = 0; seed < 50; seed++) {
      const first = async (disk: Disk): Promise<void> => {
        const file = await written(disk, "log", "one,");
        await disk.syncNames();
        const early = file.sync();
        await file.append(bytesOf("two,"));
        await Promise.all([early, file.sync()]);
      };
      await lives(seed, [first, async (disk) => expect(await contentOf(disk, "log")).toBe("one,two,")], "machine");
    }
  });
});

test("what was not synced is kept, dropped or torn by a power cut, and always kept when only the process dies", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const first = async (disk: Disk): Promise<void> => {
      const file = await written(disk, "log", "");
      await file.sync();
      await disk.syncNames();
      await file.append(bytesOf("abcd"));
    };
    await lives(seed, [first, async (disk) => void seen.add(await contentOf(disk, "log"))], "machine");
    await lives(seed, [first, async (disk) => expect(await contentOf(disk, "log")).toBe("abcd")], "process");
  }
  expect([...seen]).toEqual(expect.arrayContaining(["", "abcd"]));
  expect([...seen].some((text) => text.length > 0 && text.length < 4)).toBe(true);
});

test("a file whose name was not synced may be gone, and a rename undone", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    const first = async (disk: Disk): Promise<void> => {
      await (await written(disk, "new", "fresh")).sync();
      await disk.syncNames();
      await disk.rename("new", "current");
      await (await written(disk, "other", "x")).sync();
    };
    await lives(seed, [first, async (disk) => void seen.add((await disk.list()).join())], "machine");
  }
  expect([...seen].toSorted()).toEqual(["current", "current,other", "new"]);
});

test("a disk that is full, forgetful, flips bits or fails does so, and counts it", async () => {
  const here = world({ seed: 1 });
  const node = here.node("a", {
    start: async ({ disk }) => {
      const file = await written(disk, "log", "0123456789");
      node.disk.setFaults({ full: "yes" });
      await expect(file.append(bytesOf("x"))).rejects.toMatchObject({ code: "DISK_FULL", retryable: true });
      node.disk.setFaults({ full: "no" });
      node.disk.setFaults({ flips: 1 });
      expect(textOf(await file.read(0, 10))).not.toBe("0123456789");
      node.disk.setFaults({ flips: 0 });
      expect(textOf(await file.read(0, 10))).toBe("0123456789");
      node.disk.setFaults({ lostSyncs: 1 });
      await file.sync();
      expect(node.disk.pending).toBeGreaterThan(0);
      node.disk.setFaults({ errors: 1 });
      await expect(file.read(0, 1)).rejects.toMatchObject({ code: "DISK_FAULT" });
      node.disk.setFaults({ errors: 0 });
      await expect(disk.open("nothing", "fail")).rejects.toMatchObject({ code: "DISK_MISSING" });
    },
  });
  await here.run(() => node.start());
  expect(node.state).toBe("up");
  expect(here.counters.all).toEqual({ "disk: bit flipped": 1, "disk: full": 1, "disk: sync lost": 1 });
});
