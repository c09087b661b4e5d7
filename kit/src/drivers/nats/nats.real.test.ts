import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../clock/mod.ts";
import { ConfigError, DisposedError } from "../../errors/mod.ts";
import { ownCertificate } from "../certificate.test-server.ts";
import { until } from "../network.test-server.ts";
import {
  createStream,
  deleteStream,
  type Delivered,
  follow,
  lastMessage,
  type NatsConnection,
  type NatsReply,
  openNats,
  publish,
  purge,
  streamFacts,
  type StreamSettings,
} from "./mod.ts";
import { absent, cuttingProxy, freshName, needsProgram, serverUrl, startServer } from "./server.test-nats.ts";

const why = await absent();
const made: string[] = [];

function settingsOf(differs: Partial<StreamSettings> = {}): StreamSettings {
  const name = freshName();
  made.push(name);
  return {
    name,
    subjects: [`${name}.>`],
    replicas: 1,
    bytesMax: 4_194_304,
    whenFull: "refuse",
    idsForMs: 60_000,
    ...differs,
  };
}

async function listen(connection: NatsConnection, stream: string, after = 0) {
  const heard: Delivered[] = [];
  const faults: unknown[] = [];
  const follower = {
    message: (message: Delivered) => void heard.push(message),
    failed: (e: unknown) => void faults.push(e),
  };
  const followed = await follow(connection, { stream, after, follower });
  return { heard, faults, followed, texts: () => heard.map(({ data }) => new TextDecoder().decode(data)) };
}

/** Consumers of a stream, as the server knows them. */
async function consumersOf(connection: NatsConnection, stream: string): Promise<readonly string[]> {
  const answer = await connection.request(`$JS.API.CONSUMER.NAMES.${stream}`, "");
  const { consumers } = JSON.parse(new TextDecoder().decode(answer.data)) as {
    readonly consumers: readonly string[] | null;
  };
  return consumers ?? [];
}

describe.skipIf(why !== undefined)(`with the shared server ${why ?? ""}`, () => {
  afterEach(async () => {
    await using connection = await openNats({ url: serverUrl });
    for (const name of made.splice(0)) await deleteStream(connection, name);
  });

  test("messages are stored once for each id, in order, and read back", async () => {
    await using connection = await openNats({ url: serverUrl });
    const settings = settingsOf();
    const { name } = settings;
    expect((await createStream(connection, settings)).lastSequence).toBe(0);
    expect(await publish(connection, { subject: `${name}.a`, data: "é", id: "1" })).toEqual({
      sequence: 1,
      repeated: false,
    });
    expect(await publish(connection, { subject: `${name}.a`, data: "é", id: "1" })).toEqual({
      sequence: 1,
      repeated: true,
    });
    expect((await publish(connection, { subject: `${name}.b`, data: "b" })).sequence).toBe(2);
    const last = await lastMessage(connection, name, `${name}.a`);
    expect([last?.sequence, new TextDecoder().decode(last?.data)]).toEqual([1, "é"]);
    expect(Math.abs((last?.timeMs ?? 0) - systemClock.now())).toBeLessThan(60_000);
    expect(await lastMessage(connection, name, `${name}.none`)).toBeUndefined();
    expect(await streamFacts(connection, name)).toMatchObject({ messages: 2, lastSequence: 2, storage: "file" });
  });

  test("a stream is made once; one of other subjects under the same name is refused", async () => {
    await using connection = await openNats({ url: serverUrl });
    const settings = settingsOf();
    await createStream(connection, settings);
    await createStream(connection, settings);
    expect((await createStream(connection, { ...settings, bytesMax: 8_388_608 })).bytesMax).toBe(settings.bytesMax);
    const other = createStream(connection, { ...settings, subjects: [`${settings.name}-other.>`] });
    await expect(other).rejects.toBeInstanceOf(ConfigError);
  });

  test("what the server refuses has a reason, its number and advice", async () => {
    await using connection = await openNats({ url: serverUrl });
    const settings = settingsOf({ bytesMax: 20_000 });
    await createStream(connection, settings);
    const subject = `${settings.name}.a`;
    const data = "x".repeat(9_000);
    await publish(connection, { subject, data, lastOfSubject: 0 });
    const late = publish(connection, { subject, data, lastOfSubject: 0 });
    await expect(late).rejects.toMatchObject({ code: "NATS", reason: "conflict", number: 10_071, retryable: false });
    await publish(connection, { subject, data });
    const full = publish(connection, { subject, data, id: "3" });
    await expect(full).rejects.toMatchObject({ reason: "full", number: 10_077, retryable: true });
    await expect(streamFacts(connection, "no-such-stream")).rejects.toMatchObject({
      reason: "missing",
      retryable: false,
    });
    const huge = publish(connection, { subject, data: new Uint8Array(connection.messageBytesMax + 1) });
    await expect(huge).rejects.toMatchObject({ reason: "too-large", retryable: false });
    await expect(connection.request("nobody.hears.this", "")).rejects.toMatchObject({ reason: "unavailable" });
  });

  test("who follows gets what is there and then what comes, each once; purged messages show as a leap", async () => {
    await using connection = await openNats({ url: serverUrl });
    const settings = settingsOf();
    const { name } = settings;
    await createStream(connection, settings);
    for (let n = 1; n <= 5; n++) await publish(connection, { subject: `${name}.a`, data: String(n) });
    await purge(connection, name, { before: 3 });
    const { heard, followed } = await listen(connection, name);
    for (let n = 6; n <= 300; n++) await publish(connection, { subject: `${name}.b`, data: String(n) });
    await until(() => heard.length === 298);
    expect(heard.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 298 }, (_, n) => n + 3));
    expect(followed.sequence).toBe(300);
    await followed[Symbol.asyncDispose]();
    await publish(connection, { subject: `${name}.a`, data: "late" });
    await systemClock.sleep(50);
    expect(heard.length).toBe(298);
  });

  test("nothing is missed or told twice while the connection is cut again and again", async () => {
    await using proxy = await cuttingProxy();
    await using connection = await openNats({ url: serverUrl });
    await using behind = await openNats({ url: proxy.url });
    const settings = settingsOf();
    await createStream(connection, settings);
    const { heard, followed } = await listen(behind, settings.name);
    for (let n = 1; n <= 200; n++) {
      await publish(connection, { subject: `${settings.name}.a`, data: String(n) });
      if (n % 50 === 0) proxy.cutAll();
    }
    await until(() => heard.length >= 200);
    expect(heard.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
    await followed[Symbol.asyncDispose]();
  });

  test("a stream that is removed ends the following with the reason", async () => {
    await using connection = await openNats({ url: serverUrl });
    const settings = settingsOf();
    await createStream(connection, settings);
    const { faults, followed } = await listen(connection, settings.name);
    await deleteStream(connection, settings.name);
    await until(() => faults.length === 1);
    expect(faults[0]).toMatchObject({ reason: "missing" });
    expect(followed.isFollowing).toBe(false);
  });

  test("purging removes what lies before a sequence, and nothing where nothing lies before it", async () => {
    await using connection = await openNats({ url: serverUrl });
    const settings = settingsOf();
    await createStream(connection, settings);
    for (const data of ["a", "b", "c"]) await publish(connection, { subject: `${settings.name}.x`, data });
    for (const [before, left] of [
      [0, 3],
      [1, 3],
      [3, 1],
    ] as const) {
      await purge(connection, settings.name, { before });
      expect((await streamFacts(connection, settings.name)).messages).toBe(left);
    }
  });

  test("following that ends while it begins again leaves nothing behind at the server", async () => {
    await using proxy = await cuttingProxy();
    await using direct = await openNats({ url: serverUrl });
    await using behind = await openNats({ url: proxy.url });
    const { name } = await createStream(direct, settingsOf()).then(() => ({ name: made.at(-1) ?? "" }));
    const { followed } = await listen(behind, name);
    const ended = new Promise<void>((resolve) => {
      // Told after the follower, which has just begun again.
      const watching = behind.watch((state) => {
        if (state !== "connected") return;
        watching[Symbol.dispose]();
        resolve(followed[Symbol.asyncDispose]());
      });
    });
    proxy.cutAll();
    await ended;
    await until(async () => (await consumersOf(direct, name)).length === 0, 3_000);
    // Nor does it come later.
    await behind.flush();
    expect(await consumersOf(direct, name)).toEqual([]);
  });

  test("a request that was sent when the connection broke has an unknown outcome; one with an id may be repeated", async () => {
    await using proxy = await cuttingProxy();
    await using connection = await openNats({ url: serverUrl });
    await using behind = await openNats({ url: proxy.url });
    const settings = settingsOf();
    const subject = `${settings.name}.a`;
    await createStream(connection, settings);
    for (const cut of ["cut behind the answers", "cut before the request"] as const) {
      proxy.next(cut, "PUB");
      await expect(publish(behind, { subject, data: cut })).rejects.toMatchObject({
        code: "OUTCOME_UNKNOWN",
        retryable: false,
      });
    }
    // The first one was stored, the second was not: nobody could tell.
    expect((await streamFacts(connection, settings.name)).messages).toBe(1);
    proxy.next("cut behind the answers", "PUB");
    const named = { subject, data: "named", id: "n" };
    await expect(publish(behind, named)).rejects.toMatchObject({ reason: "connection", retryable: true });
    expect(await publish(behind, named)).toEqual({ sequence: 2, repeated: true });
  });

  test("a plain message reaches all that hear its subject, and one of a queue", async () => {
    await using one = await openNats({ url: serverUrl });
    await using two = await openNats({ url: serverUrl });
    const subject = `${freshName()}.a`;
    const heard: Record<"all" | "first" | "second", string[]> = { all: [], first: [], second: [] };
    const take = (list: string[]) => (message: NatsReply) =>
      void list.push(`${new TextDecoder().decode(message.data)} ${message.headers?.get("by")}`);
    using _all = two.hear(subject, take(heard.all));
    using _first = one.hear(subject, take(heard.first), { queue: "q" });
    using _second = two.hear(subject, take(heard.second), { queue: "q" });
    await Promise.all([one.flush(), two.flush()]);
    const sent = Array.from({ length: 40 }, (_, n) => `${n} me`);
    for (let n = 0; n < 40; n++) await one.send(subject, String(n), { by: "me" });
    await until(() => heard.all.length === 40 && heard.first.length + heard.second.length === 40);
    expect(heard.all).toEqual(sent);
    expect(new Set([...heard.first, ...heard.second])).toEqual(new Set(sent));
    expect(heard.first.length * heard.second.length).toBeGreaterThan(0);
    const huge = one.send(subject, "x".repeat(one.messageBytesMax + 1));
    await expect(huge).rejects.toMatchObject({ reason: "too-large", retryable: false });
  });

  test("a plain message that was sent when the connection broke has an unknown outcome; later ones are heard again", async () => {
    await using proxy = await cuttingProxy();
    await using connection = await openNats({ url: serverUrl });
    await using behind = await openNats({ url: proxy.url });
    const subject = `${freshName()}.a`;
    const heard: string[] = [];
    using _hearing = behind.hear(subject, ({ data }) => void heard.push(new TextDecoder().decode(data)));
    await behind.flush();
    proxy.next("cut behind the answers", "PUB");
    await expect(behind.send(subject, "lost")).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", retryable: false });
    await behind.flush();
    await connection.send(subject, "later");
    await until(() => heard.includes("later"));
    proxy.shut();
    await until(() => !behind.isConnected);
    const waits = behind.send(subject, "waits");
    proxy.open();
    await waits;
    await until(() => heard.includes("waits"));
  });

  test("more requests than requestsMax are refused at once, and after closing all are", async () => {
    const connection = await openNats({ url: serverUrl, requestsMax: 2 });
    const settings = settingsOf();
    await createStream(connection, settings);
    const asked = await Promise.allSettled([1, 2, 3].map(() => streamFacts(connection, settings.name)));
    expect(asked.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect(asked[2]).toMatchObject({ reason: { reason: "busy", retryable: true } });
    expect(await connection.health()).toMatchObject({ status: "up", requestsInHand: 0, reason: undefined });
    await connection[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
    await expect(streamFacts(connection, settings.name)).rejects.toBeInstanceOf(DisposedError);
    await expect(connection.send("a", "")).rejects.toBeInstanceOf(DisposedError);
    await expect(connection.flush()).rejects.toBeInstanceOf(DisposedError);
  });
});

describe("with a server of its own", () => {
  test("a subject that the user may not hear is refused", { timeout: 60_000 }, async (context) => {
    needsProgram(context);
    await using server = await startServer(
      'authorization { users: [{ user: "app", password: "secret", permissions: { subscribe: "open.>", publish: ">" } }] }',
    );
    await using connection = await openNats({ url: `nats://app:secret@127.0.0.1:${server.port}` });
    const faults: Error[] = [];
    using _hearing = connection.hear("closed.a", () => undefined, { refused: (error) => void faults.push(error) });
    await connection.flush();
    expect(faults).toMatchObject([{ code: "NATS", reason: "denied" }]);
  });

  test("following is refused where the user may not hear what the server would send", async (context) => {
    needsProgram(context);
    const muted = '{ user: muted, password: x, permissions: { subscribe: { deny: ["_INBOX.ashlar.>"] } } }';
    await using server = await startServer(`authorization { users: [${muted}] }`);
    await using connection = await openNats({ url: server.url.replace("//", "//muted:x@") });
    const { name } = await createStream(connection, settingsOf()).then(() => ({ name: made.at(-1) ?? "" }));
    await publish(connection, { subject: `${name}.a`, data: "x" });
    await expect(listen(connection, name)).rejects.toMatchObject({ code: "NATS", reason: "denied", retryable: false });
    expect(await consumersOf(connection, name)).toEqual([]);
  });

  test("a restart is waited for, and streams go on", { timeout: 60_000 }, async (context) => {
    needsProgram(context);
    await using server = await startServer();
    await using connection = await openNats({ url: server.url });
    const settings = settingsOf();
    await createStream(connection, settings);
    const { heard, followed, texts } = await listen(connection, settings.name);
    const subject = `${settings.name}.a`;
    await publish(connection, { subject, data: "before", id: "1" });
    await server.kill();
    await until(() => !connection.isConnected);
    expect((await connection.health()).status).toBe("down");
    const sent = publish(connection, { subject, data: "while away", id: "2" });
    await server.start();
    await sent.catch(() => publish(connection, { subject, data: "while away", id: "2" }));
    await until(() => heard.length === 2);
    expect(texts()).toEqual(["before", "while away"]);
    await until(() => followed.isFollowing);
    await followed[Symbol.asyncDispose]();
  });

  test("an answer that stays away is noticed after answerMaxMs", { timeout: 60_000 }, async (context) => {
    needsProgram(context);
    await using server = await startServer();
    await using connection = await openNats({ url: server.url, answerMaxMs: 200 });
    const settings = settingsOf();
    await createStream(connection, settings);
    server.pause();
    const startedMs = systemClock.monotonic();
    await expect(publish(connection, { subject: `${settings.name}.a`, data: "x" })).rejects.toMatchObject({
      code: "OUTCOME_UNKNOWN",
    });
    expect(systemClock.monotonic() - startedMs).toBeGreaterThanOrEqual(195);
    server.resume();
    await until(async () => (await connection.health()).status === "up");
  });

  test("TLS: a certificate of one's own is verified when it is given, and refused when nobody vouches for it", async (context) => {
    needsProgram(context);
    using own = ownCertificate();
    await using server = await startServer(`tls { cert_file: "${own.file}", key_file: "${own.keyFile}" }`);
    const settings = settingsOf();
    for (const host of ["localhost", "127.0.0.1"]) {
      const url = `tls://${host}:${server.port}`;
      await using connection = await openNats({ url, tls: { ca: own.text } });
      await createStream(connection, settings);
      await publish(connection, { subject: `${settings.name}.a`, data: host });
      await expect(openNats({ url, connectMaxMs: 1_000 })).rejects.toThrow(/self.signed/);
    }
    await using verified = await openNats({ url: server.url, tls: { caFile: own.file } });
    expect((await streamFacts(verified, settings.name)).lastSequence).toBe(2);
  });

  test(
    "a server without JetStream, a wrong password and no server at all say what to do",
    { timeout: 60_000 },
    async (context) => {
      needsProgram(context);
      await using bare = await startServer("jetstream: disabled", 'authorization { user: "app", password: "secret" }');
      const { port } = bare;
      await using connection = await openNats({ url: `nats://app:secret@127.0.0.1:${port}` });
      await expect(createStream(connection, settingsOf())).rejects.toThrow(/start the server with "-js"/);
      const wrong = openNats({ url: bare.url, user: "app", password: () => "wrong", connectMaxMs: 2_000 });
      await expect(wrong).rejects.toMatchObject({ code: "NATS", reason: "denied", retryable: false });
      await bare.kill();
      const startedMs = systemClock.monotonic();
      const gone = openNats({ url: bare.url, connectMaxMs: 300 });
      await expect(gone).rejects.toMatchObject({ code: "NATS", reason: "connection", retryable: true });
      expect(systemClock.monotonic() - startedMs).toBeLessThan(5_000);
    },
  );
});
