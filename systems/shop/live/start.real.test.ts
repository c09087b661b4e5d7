import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openCutWay } from "../cut.test-way.ts";
import { databaseUrl, freshNamespace, needsDatabase } from "../postgres.test-database.ts";

const main = join(import.meta.dirname, "../main.js");
const withinMs = 120_000;
let data: string;
const running = new Set<ChildProcess>();
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "shop-start-"));
});
afterEach(async () => {
  // A test that failed has left its shop open.
  for (const child of running) child.kill("SIGKILL");
  running.clear();
  await rm(data, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

interface Started {
  readonly ended: Promise<Ended>;
  /** Resolves when standard output or error matches. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** What Ctrl-C in a terminal does: SIGINT to it and all processes that it has started. */
  pressCtrlC(): void;
}

function start(...args: readonly string[]): Started {
  const child = spawn(process.execPath, ["--conditions=ashlar-source", main, "start", "--data", data, ...args], {
    // A process group of its own, as a shell gives it.
    detached: true,
  });
  running.add(child);
  const texts = { out: "", err: "" };
  const waiting = new Set<() => void>();
  for (const [name, stream] of [
    ["out", child.stdout],
    ["err", child.stderr],
  ] as const)
    stream.setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      for (const look of waiting) look();
    });
  const { promise: ended, resolve } = Promise.withResolvers<Ended>();
  child.on("close", (code, signal) => resolve({ code, signal, ...texts }));
  return {
    ended,
    kill: (signal) => void child.kill(signal),
    pressCtrlC: () => void process.kill(-(child.pid ?? 0), "SIGINT"),
    seen(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const match = pattern.exec(texts.out) ?? pattern.exec(texts.err);
        if (match === null) return;
        waiting.delete(look);
        resolve(match);
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`ended without ${pattern}: ${texts.out}${texts.err}`)));
      return promise;
    },
  };
}

test(
  "places its orders, tells how they fared and exits with 0; again on the same data, it adds a batch",
  { timeout: withinMs },
  async () => {
    const options = ["--once", "--orders", "40", "--port", "0"];
    const first = await start(...options).ended;
    expect([first.code, first.err]).toEqual([0, expect.stringContaining("The shop is open on http://127.0.0.1:")]);
    expect(first.out).toMatch(/Run 1 on .*\n +orders +40 placed in/);
    expect(first.out).toMatch(/audit +all \d+ invariants hold/);
    const second = await start(...options).ended;
    expect(second.code).toBe(0);
    expect(second.out).toMatch(/Run 2 on .*\n +orders +40 placed in/);
    expect(second.out).toMatch(/all 2 runs together\n +orders +80 placed: \d+ confirmed, \d+ rejected, 0 open/);
    expect(second.out).toMatch(/audit +all \d+ invariants hold/);
  },
);

test(
  "killed in the middle, it finishes what was in flight and every invariant holds",
  { timeout: withinMs },
  async () => {
    const first = start("--orders", "2000", "--port", "0");
    await first.seen(/\d+ placed, [1-9]\d* confirmed/);
    first.kill("SIGKILL");
    expect((await first.ended).signal).toBe("SIGKILL");
    const second = await start("--once", "--orders", "10", "--port", "0").ended;
    expect([second.code, second.out]).toEqual([0, expect.stringMatching(/audit +all \d+ invariants hold/)]);
    expect(second.out).toMatch(/, 0 open/);
  },
);

test(
  "goes on serving after the summary until it is told to stop, and then exits with 0",
  { timeout: withinMs },
  async () => {
    const shop = start("--orders", "5", "--port", "0");
    const [, url = ""] = await shop.seen(/Serving (\S+),/);
    const health = await fetch(`${url}/health`);
    expect(await health.json()).toMatchObject({ state: "ready", httpStatus: 200 });
    shop.kill("SIGTERM");
    expect(await shop.ended).toMatchObject({ code: 0, signal: null });
  },
);

test("interrupted before the summary, it stops cleanly and says so", { timeout: withinMs }, async () => {
  const shop = start("--orders", "5000", "--port", "0");
  await shop.seen(/\d+ placed/);
  shop.kill("SIGINT");
  const { code, err } = await shop.ended;
  expect([code, err]).toEqual([130, expect.stringContaining("Stopped.")]);
});

test(
  "Ctrl-C, which reaches every process of a spread shop, stops it in good order",
  { timeout: withinMs },
  async () => {
    const shop = start("--spread", "--orders", "5000", "--port", "0");
    await shop.seen(/ [1-9]\d*\/5000 placed/);
    shop.pressCtrlC();
    const { code, err } = await shop.ended;
    // A request that was still being answered may be told of afterwards.
    const last = err.slice(err.indexOf("Stopped")).replaceAll(/^\{.*"level":"warn".*\}\n/gm, "");
    expect(last).toBe("Stopped. Started again on the same data, the shop goes on where it was.\n");
    expect(code).toBe(130);
  },
);

test("a port in use is told in one sentence, with exit code 2", { timeout: withinMs }, async () => {
  const other = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  other.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { code, err } = await start("--port", String(port)).ended;
  other.close();
  expect([code, withoutWait(err)]).toEqual([2, `shop: port ${port} is in use by another process\n`]);
});

test(
  "a database that cannot be reached is waited for five seconds, not without a word, and then named",
  { timeout: withinMs },
  async () => {
    const startedMs = performance.now();
    const { code, err } = await start("--engine", "postgres://shop@127.0.0.1:1/shop", "--port", "0").ended;
    const tookMs = performance.now() - startedMs;
    const where = "postgres://shop@127.0.0.1:1/shop";
    expect([code, err.split("\n")]).toEqual([
      2,
      [
        `Opening the shop, data in ${where}, schemas shop_… …`,
        expect.stringContaining(`shop: no data can be kept at ${where}: connecting: connect ECONNREFUSED`),
        "",
      ],
    ]);
    // Twice as long is what two waits within each other come to.
    expect(tookMs).toBeLessThan(8_000);
  },
);

test("told to stop while its database is away, it ends all the same", { timeout: withinMs }, async (context) => {
  await needsDatabase(context);
  await using namespace = freshNamespace();
  await using way = await openCutWay(databaseUrl);
  const shop = start("--engine", way.url, "--namespace", namespace.name, "--orders", "5", "--port", "0");
  await shop.seen(/Serving/);
  way.cut();
  const startedMs = performance.now();
  shop.kill("SIGTERM");
  // What cannot be finished is work that was left.
  expect(await shop.ended).toMatchObject({ code: 1, signal: null });
  // Ten seconds of grace, and the second in which a process ends by itself.
  expect(performance.now() - startedMs).toBeLessThan(15_000);
});

/** Without the line that is only there when the machine is slow. */
function withoutWait(text: string): string {
  return text.replace(/^Opening the shop.*\n/, "");
}
