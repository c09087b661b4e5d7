import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { systemClock } from "../../clock/mod.ts";
import { freePort } from "../network.test-server.ts";

const run = promisify(execFile);

/** A RabbitMQ broker of the test's own, which may be stopped and killed. */
export interface PrivateBroker extends AsyncDisposable {
  readonly url: string;
  /** Runs `rabbitmqctl` for this broker. */
  control(...words: readonly string[]): Promise<string>;
  start(): Promise<void>;
  /** Kills the broker's process: as a crash. */
  kill(): Promise<void>;
}

const home = "/usr/lib/rabbitmq/lib";

/** The folder of the broker's programs, if they are installed. In continuous integration they have to be. */
export function programs(): string | undefined {
  const version = existsSync(home) ? readdirSync(home).find((name) => name.startsWith("rabbitmq_server-")) : undefined;
  if (version !== undefined) return join(home, version, "sbin");
  if (process.env["CI"] !== undefined) throw new Error(`the programs of RabbitMQ are not in ${home}`);
  return undefined;
}

/** Makes and starts a broker in a folder of its own, with these lines of configuration besides. Takes some seconds. */
export async function startBroker(sbin: string, ...lines: readonly string[]): Promise<PrivateBroker> {
  const folder = mkdtempSync(join(tmpdir(), "ashlar-broker-"));
  const port = await freePort();
  const node = `ashlar-${port}@localhost`;
  writeFileSync(join(folder, "broker.conf"), lines.join("\n"));
  const env = {
    ...process.env,
    HOME: folder,
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, "broker"),
    // The defaults of a machine with many cores: this one is small and shared.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 1:1 +sbwt none",
  };
  const control = async (...words: readonly string[]): Promise<string> =>
    (await run(join(sbin, "rabbitmqctl"), ["-n", node, ...words], { env })).stdout;
  let ended: Promise<void> = Promise.resolve();
  const start = async (): Promise<void> => {
    const server = spawn(join(sbin, "rabbitmq-server"), [], { env, stdio: "ignore", detached: true });
    ended = new Promise((resolve) => server.once("exit", () => resolve()));
    await untilUp(control);
  };
  const kill = async (): Promise<void> => {
    const pid = (await control("eval", "os:getpid().").catch(() => "")).replaceAll(/\D/g, "");
    if (pid !== "") process.kill(Number(pid), "SIGKILL");
    await ended;
  };
  await start();
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    control,
    start,
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilUp(control: PrivateBroker["control"]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await control("await_startup", "--timeout", "60");
      return;
    } catch (error) {
      if (attempt === 30) throw error;
      await systemClock.sleep(500);
    }
  }
}
