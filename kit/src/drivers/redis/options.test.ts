import { expect, test } from "vitest";
import { manualClock } from "../../clock/mod.ts";
import { AnswerWatch } from "./answer-watch.ts";
import { openRedis } from "./mod.ts";
import { resolveRedis } from "./options.ts";
import { readFacts } from "./server-facts.ts";

test("an address says host, port, database, user, password and whether to encrypt", () => {
  expect(resolveRedis({ url: "redis://h" })).toMatchObject({ host: "h", port: 6379, database: 0, tls: undefined });
  expect(resolveRedis({ url: "rediss://ann:p%40ss@[::1]:7000/12" })).toMatchObject({
    host: "::1",
    port: 7000,
    database: 12,
    username: "ann",
    password: "p@ss",
    tls: "verify",
  });
});

test("what does not fit is refused by name, and no password is shown", async () => {
  const said = (options: object): string => {
    try {
      resolveRedis(options as { url: string });
    } catch (error) {
      return String(error);
    }
    return "accepted";
  };
  for (const url of ["localhost:6379", "http://secret@h", "redis://", "redis://h:secret", 7])
    expect(said({ url })).toContain("option url is");
  expect(said({ url: "http://secret@h" })).not.toContain("secret");
  expect(said({ url: "redis://h/x" })).toContain("database number");
  expect(said({ url: "redis://h", tls: "verify" })).toContain("rediss://");
  expect(said({ url: "redis://h", application: "two words" })).toContain("application");
  for (const option of ["commandsMax", "connectMaxMs", "answerMaxMs"])
    for (const value of [0, 1.5, Number.NaN, "5"])
      expect(said({ url: "redis://h", [option]: value })).toContain(option);
  await expect(openRedis({ url: "nowhere" })).rejects.toMatchObject({ code: "CONFIG" });
});

test("a server that is too old, a node of a cluster and a sentinel are refused with what to do", () => {
  const info = (fields: string): string => `# Server\r\nredis_version:7.0.0\r\n${fields}\r\nrole:master\r\n`;
  for (const version of ["6.0.16", "6.2.16"])
    expect(() => readFacts([`redis_version:${version}\r\n`, null, null])).toThrow(
      `the server is Redis ${version}; 7.0 is the oldest that fits`,
    );
  expect(() => readFacts([info("redis_mode:cluster"), null, null])).toThrow("Redis Cluster");
  expect(() => readFacts([info("redis_mode:sentinel"), null, null])).toThrow("leads to the primary");
  expect(readFacts(["redis_version:7.0.0\r\n", null, null])).toMatchObject({
    version: "7.0.0",
    persistence: "unknown",
  });
});

test("an answer is overdue after answerMaxMs at the earliest and half as late again at the latest, whatever is answered meanwhile", async () => {
  for (let sentAtMs = 0; sentAtMs < 100; sentAtMs += 7) {
    const clock = manualClock();
    let overdueAtMs: number | undefined;
    const watch = new AnswerWatch({ clock, answerMaxMs: 100, onOverdue: () => (overdueAtMs ??= clock.monotonic()) });
    const startMs = clock.monotonic();
    watch.sent();
    await clock.advance(sentAtMs);
    watch.answered();
    watch.sent();
    await clock.advance(1_000);
    const lateMs = (overdueAtMs ?? 0) - startMs - sentAtMs;
    expect(lateMs).toBeGreaterThanOrEqual(100);
    expect(lateMs).toBeLessThanOrEqual(150);
  }
});
