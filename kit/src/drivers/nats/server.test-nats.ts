import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { systemRandom } from "../../random/mod.ts";
import { type CuttingProxy, proxyBefore } from "../cutting-proxy.test-server.ts";
import { type Presence, presenceOf } from "../network.test-server.ts";
import { needs, type PrivateServer, startProgram } from "../private-server.test-server.ts";

const port = 4222;

/** The server that the real tests share. */
export const serverUrl: string = process.env["ASHLAR_NATS"] ?? `nats://127.0.0.1:${port}`;

export const { absent }: Presence = presenceOf({
  url: serverUrl,
  port,
  name: "NATS server with JetStream",
  variable: "ASHLAR_NATS",
});

export const needsProgram: ReturnType<typeof needs> = needs("nats-server");

/** A name for streams that no other test, and no other process of tests, has. */
export function freshName(): string {
  return `test-${process.pid}-${systemRandom.integer(0, 2 ** 48).toString(36)}`;
}

/** Starts a server in a folder of its own with these lines of configuration besides. Its streams lie in files. */
export function startServer(...lines: readonly string[]): Promise<PrivateServer> {
  return startProgram({ name: "nats-server", scheme: "nats", words: (folder, own) => ["-c", written(folder, own)] });

  function written(folder: string, own: number): string {
    const file = join(folder, "server.conf");
    const common = ["host: 127.0.0.1", `port: ${own}`];
    const hasStore = lines.some((line) => line.startsWith("jetstream"));
    const store = hasStore ? [] : ['jetstream { store_dir: "FOLDER/data" }'];
    writeFileSync(file, [...common, ...store, ...lines].join("\n").replaceAll("FOLDER", folder));
    return file;
  }
}

/** Starts a proxy before a server. */
export function cuttingProxy(target: string = serverUrl): Promise<CuttingProxy> {
  return proxyBefore(target, port);
}
