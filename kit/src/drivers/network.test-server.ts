import { connect, createServer } from "node:net";
import process from "node:process";
import type { TestContext } from "vitest";
import { systemClock } from "../clock/mod.ts";

/** A server that the real tests share. */
export interface SharedServer {
  readonly url: string;
  /** Where the address names none. */
  readonly port: number;
  /** What it is, for people. */
  readonly name: string;
  /** The variable of the environment that names another one. */
  readonly variable: string;
}

/** Whether the real tests of a server can run here. */
export interface Presence {
  /** Why they cannot, or undefined. In continuous integration they are never skipped: they fail. */
  readonly absent: () => Promise<string | undefined>;
  /** Skips the test, with the reason, where there is no server. */
  readonly needsServer: (context: TestContext) => Promise<void>;
}

/** Asks once for each process. */
export function presenceOf({ url, port, name, variable }: SharedServer): Presence {
  const { hostname, host, port: stated } = new URL(url);
  const isReachable = accepts(Number(stated || port), hostname);
  const absent = async (): Promise<string | undefined> =>
    (await isReachable) || process.env["CI"] !== undefined
      ? undefined
      : `no ${name} at ${host}; set ${variable} to the address of one`;
  return {
    absent,
    needsServer: async (context) => {
      const reason = await absent();
      if (reason !== undefined) context.skip(reason);
    },
  };
}

/** Whether somebody takes connections there. */
export function accepts(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.on("connect", () => resolve(socket.destroy() && true)).on("error", () => resolve(false));
  });
}

/** A port that nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

/** Asks until the answer is as wanted. */
export async function until(wanted: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const untilMs = systemClock.monotonic() + withinMs;
  while (!(await wanted())) {
    if (systemClock.monotonic() > untilMs)
      throw new Error(`it did not come to pass within ${withinMs} ms: ${wanted.toString()}`);
    await systemClock.sleep(5);
  }
}
