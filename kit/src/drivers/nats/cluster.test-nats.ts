import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "../network.test-server.ts";
import { type PrivateServer, startProgram } from "../private-server.test-server.ts";
import { openNats } from "./mod.ts";

/** Three servers that keep streams together. */
export interface NatsCluster extends AsyncDisposable {
  readonly servers: readonly PrivateServer[];
  readonly urls: readonly string[];
  /** Takes the disk of a server that is down. */
  wipe(index: number): void;
}

/** Starts three servers, and waits until they have chosen who leads. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const data = mkdtempSync(join(tmpdir(), "ashlar-nats-cluster-"));
  const storeOf = (index: number): string => join(data, String(index));
  const routePorts = await Promise.all([freePort(), freePort(), freePort()]);
  const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  const servers = await Promise.all(
    routePorts.map((routePort, index) =>
      startProgram({
        name: "nats-server",
        scheme: "nats",
        words: (folder, port) => {
          const store = storeOf(index);
          mkdirSync(store);
          const file = join(folder, "server.conf");
          const lines = [
            `server_name: s${index}`,
            "host: 127.0.0.1",
            `port: ${port}`,
            `jetstream { store_dir: "${store}" }`,
            `cluster { name: own, listen: "127.0.0.1:${routePort}", routes: [${routes}] }`,
          ];
          writeFileSync(file, lines.join("\n"));
          return ["-c", file];
        },
      }),
    ),
  );
  const urls = servers.map(({ url }) => url);
  await until(() => hasLeader(urls), 60_000);
  return {
    servers,
    urls,
    wipe: (index) => rmSync(storeOf(index), { recursive: true }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Only who leads, and hears the others, answers what concerns all. */
async function hasLeader(urls: readonly string[]): Promise<boolean> {
  try {
    await using connection = await openNats({ url: urls, connectMaxMs: 2_000, answerMaxMs: 500 });
    const answer = await connection.request("$JS.API.STREAM.NAMES", "");
    return !new TextDecoder().decode(answer.data).includes('"error"');
  } catch {
    return false;
  }
}
