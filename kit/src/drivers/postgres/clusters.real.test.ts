import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { expect, test, type TestContext } from "vitest";
import { until } from "../network.test-server.ts";
import { asServer, makeEmpty, programs, startCluster, startReplica } from "./cluster.test-postgres.ts";
import { openPostgres } from "./mod.ts";

const run = promisify(execFile);

/** The programs of the server; without them the test is skipped with the reason, and fails in continuous integration. */
function needsPrograms(context: TestContext): string {
  const bin = programs();
  if (bin !== undefined) return bin;
  if (process.env["CI"] !== undefined) throw new Error("no programs of PostgreSQL are installed");
  return context.skip("no programs of PostgreSQL are installed");
}

function addressOf(url: string, user: string, password = ""): string {
  const address = new URL(url);
  address.username = user;
  address.password = password;
  return address.href;
}

test("SCRAM and TLS: who has password and authority gets in; who lacks either is told which, without a password", async (context) => {
  const bin = needsPrograms(context);
  await using cluster = await startCluster(bin, {
    settings: { ssl: "on", password_encryption: "scram-sha-256" },
    async prepare(data) {
      await makeEmpty(bin, data);
      await selfSigned(data);
    },
  });
  {
    await using admin = await openPostgres({ url: cluster.url });
    await admin.query("create role app login password 's3cret%/?'");
    await admin.query("grant all on schema public to app; grant create on database postgres to app");
  }
  // From here on nobody is trusted.
  writeFileSync(join(cluster.data, "pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n");
  await cluster.reload();
  const ca = readFileSync(join(cluster.data, "server.crt"), "utf8");
  const common = { schema: "app", connectMaxMs: 3_000 };
  const good = addressOf(cluster.url, "app", encodeURIComponent("s3cret%/?"));
  {
    await using database = await openPostgres({ ...common, url: good, tls: { ca } });
    const { rows } = await database.query("select ssl, version from pg_stat_ssl where pid = pg_backend_pid()");
    expect(rows).toMatchObject([{ ssl: true, version: expect.stringMatching(/^TLSv1\.[23]$/) }]);
  }
  {
    // Instead of what the address says, or does not.
    const password = (): Promise<string> => Promise.resolve("s3cret%/?");
    await using database = await openPostgres({
      ...common,
      url: `${addressOf(cluster.url, "app")}?sslmode=disable`,
      password,
      tls: "require",
    });
    expect((await database.health()).status).toBe("up");
  }
  await expect(openPostgres({ ...common, url: addressOf(cluster.url, "app"), tls: { ca } })).rejects.toMatchObject({
    reason: "denied",
  });
  const bad = addressOf(cluster.url, "app", "wr0ng");
  const wrong = openPostgres({ ...common, url: bad, tls: { ca } });
  await expect(wrong).rejects.toMatchObject({ reason: "denied", sqlState: "28P01", retryable: false });
  await expect(wrong).rejects.not.toThrow("wr0ng");
  const plain = openPostgres({ ...common, url: good, tls: "off" });
  await expect(plain).rejects.toMatchObject({ reason: "denied", message: expect.stringContaining("no encryption") });
  // Nobody of the system's authorities has signed it.
  const strangers = openPostgres({ ...common, connectMaxMs: 500, url: good, tls: "verify" });
  await expect(strangers).rejects.toThrow(/self-signed certificate/);
});

test("of several servers the one that takes writes is used, and after a fail-over the promoted one", async (context) => {
  const bin = needsPrograms(context);
  await using primary = await startCluster(bin);
  await using replica = await startReplica(bin, primary);
  const [first, second] = [replica, primary].map(({ url }) => new URL(url).host);
  const both = `postgres://postgres@${first},${second}/postgres`;
  await expect(openPostgres({ url: replica.url, connectMaxMs: 100 })).rejects.toMatchObject({ reason: "readonly" });
  await using database = await openPostgres({ url: `${both}?target_session_attrs=read-write`, connectMaxMs: 20_000 });
  await database.query("create table kept(n int)");
  await database.query("insert into kept values (1)");
  const isOnReplica = "select pg_is_in_recovery() as here, count(*)::int as kept from kept";
  {
    await using readers = await openPostgres({ url: `${both}?target_session_attrs=standby` });
    await expect
      .poll(async () => (await readers.query(isOnReplica).catch(() => ({ rows: [] }))).rows, { timeout: 10_000 })
      .toEqual([{ here: true, kept: 1 }]);
    await expect(readers.query("insert into kept values (9)")).rejects.toMatchObject({ reason: "readonly" });
  }
  await primary.stop("immediate");
  // Asked while there is no primary: it waits until there is one.
  const meanwhile = database.query(isOnReplica).catch(() => database.query(isOnReplica));
  await replica.promote();
  expect((await meanwhile).rows).toEqual([{ here: false, kept: 1 }]);
  await database.query("insert into kept values (2)");
  const gone = openPostgres({ url: `${both}?target_session_attrs=standby`, connectMaxMs: 100 });
  await expect(gone).rejects.toThrow(new RegExp(`${first}.*is a primary.*${second}.*ECONNREFUSED`));
}, 90_000);

/** A certificate for this machine that only those trust who have it. */
async function selfSigned(data: string): Promise<void> {
  const [key, certificate] = [join(data, "server.key"), join(data, "server.crt")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const files = ["-keyout", key, "-out", certificate];
  await asServer("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject, ...files);
  await run("chmod", ["600", key]);
}

test("tables are there for good, also on a server that acknowledges before it writes and then loses a process", async (context) => {
  const bin = needsPrograms(context);
  const settings = { synchronous_commit: "off", wal_writer_delay: "10s" };
  await using cluster = await startCluster(bin, { settings });
  await using database = await openPostgres({ url: cluster.url });
  await database.migrate("accounts", [{ name: "accounts", sql: "create table account(id text primary key)" }]);
  const { rows } = await database.query<{ readonly pid: number }>("select pg_backend_pid() as pid");
  // The server then begins anew by itself, with what its log has on disk.
  process.kill(rows[0]?.pid ?? Number.NaN, "SIGKILL");
  await until(() => database.health().then(({ status }) => status === "up"));
  expect((await database.query("select id from account")).rows).toEqual([]);
});
