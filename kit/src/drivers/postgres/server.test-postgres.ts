import { connect, createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import type { TestContext } from "vitest";
import { systemRandom } from "../../random/mod.ts";
import { openPostgres, type PostgresDatabase, type PostgresOptions } from "./mod.ts";

/** The server that the real tests use. */
export const serverUrl: string = process.env["ASHLAR_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

const isReachable: Promise<boolean> = new Promise((resolve) => {
  const { hostname, port } = new URL(serverUrl);
  const socket = connect({ host: hostname, port: Number(port || 5432) });
  socket.on("connect", () => resolve(socket.destroy() && true)).on("error", () => resolve(false));
});

/** Why tests that need a server are skipped, or undefined. In continuous integration they are never skipped: they fail. */
export async function absent(): Promise<string | undefined> {
  if ((await isReachable) || process.env["CI"] !== undefined) return undefined;
  return `no PostgreSQL at ${new URL(serverUrl).host}; set ASHLAR_POSTGRES to the address of one`;
}

/** Skips the test, with the reason, where there is no server. */
export async function needsServer(context: TestContext): Promise<void> {
  const reason = await absent();
  if (reason !== undefined) context.skip(reason);
}

/** A name for a schema that no other test, and no other process of tests, has. */
export function freshSchema(): string {
  return `test_${process.pid}_${systemRandom.integer(0, 2 ** 48)}`;
}

/** Opens a database with a schema of its own, which is dropped at the end. */
export async function openFresh(options: Partial<PostgresOptions> = {}): Promise<PostgresDatabase> {
  const schema = options.schema ?? freshSchema();
  const database = await openPostgres({ url: serverUrl, ...options, schema });
  const close = database[Symbol.asyncDispose].bind(database);
  return Object.assign(database, {
    [Symbol.asyncDispose]: async () => {
      await close();
      await dropSchema(schema);
    },
  });
}

/** Removes a schema with all that is in it. */
export async function dropSchema(schema: string): Promise<void> {
  const schemaOfDriver = `${schema}_drop`.slice(-60);
  await using database = await openPostgres({ url: serverUrl, schema: schemaOfDriver });
  await database.query(`drop schema if exists ${schema} cascade; drop schema ${schemaOfDriver} cascade`);
}

/** Removes all schemas whose names begin so. */
export async function dropSchemas(start: string): Promise<void> {
  const own = `${start}_drop`;
  {
    await using database = await openPostgres({ url: serverUrl, schema: own });
    const { rows } = await database.query<{ readonly nspname: string }>(
      "select nspname from pg_namespace where starts_with(nspname, $1) and nspname <> $2",
      [`${start}_`, own],
    );
    for (const { nspname } of rows) await database.query(`drop schema ${nspname} cascade`);
  }
  await dropSchema(own);
}

/** What a proxy does with the bytes of a connection. */
export type Cut = "pass" | "cut before the request" | "cut before the answer" | "swallow";

/** A way to the server that can be cut at a chosen moment. */
export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** Pieces that came from clients, each what one write of theirs sent. */
  readonly requests: readonly string[];
  /** From now on; `when` is a text that the request must hold. */
  next(cut: Cut, when?: string): void;
  /** The same, when the bytes of a request are as `isIt` says. */
  nextWhen(cut: Cut, isIt: (bytes: Buffer) => boolean): void;
  /** Ends all connections now. */
  cutAll(): void;
  /** No new connections, and none of those that are there. */
  shut(): void;
  open(): void;
}

/** Starts a proxy before the server of the tests. */
export async function cuttingProxy(target: string = serverUrl): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let plan: { readonly cut: Cut; readonly isIt: (bytes: Buffer) => boolean } = { cut: "pass", isIt: () => false };
  let isShut = false;
  const server: Server = createServer((near) => {
    if (isShut) return void near.destroy();
    const far = connect({ host: hostname, port: Number(port || 5432) });
    let answers: "pass" | "drop" = "pass";
    const end = (): void => {
      near.destroy();
      far.destroy();
      sockets.delete(near);
    };
    sockets.add(near);
    near.setNoDelay(true);
    far.setNoDelay(true);
    near.on("data", (bytes) => {
      requests.push(bytes.toString("latin1"));
      if (plan.cut === "pass" || !plan.isIt(bytes)) return void far.write(bytes);
      const { cut } = plan;
      plan = { cut: "pass", isIt: () => false };
      if (cut === "cut before the request") return end();
      answers = "drop";
      far.write(bytes);
      if (cut === "cut before the answer") far.once("data", end);
    });
    far.on("data", (bytes) => void (answers === "pass" && near.write(bytes)));
    for (const socket of [near, far]) socket.on("close", end).on("error", end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" ? (address?.port ?? 0) : 0);
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    requests,
    next: (cut, when = "") => void (plan = { cut, isIt: (bytes) => bytes.includes(when) }),
    nextWhen: (cut, isIt) => void (plan = { cut, isIt }),
    cutAll,
    shut: () => {
      isShut = true;
      cutAll();
    },
    open: () => void (isShut = false),
    [Symbol.asyncDispose]: async () => {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
