// Runs the ordinary program in a world, and prints what it saw: started by a test with a seed.
import { type NodeHost, runSeed, scenario, type World } from "../mod.ts";
import type * as App from "./app.test-app-system.ts";
import { simulatedModules } from "./mod.ts";

const [seed = "1", name] = process.argv.slice(2);

const log: string[] = [];

/** Calls something of the program in a process of a node. */
async function inApp<T>(host: NodeHost, work: (app: typeof App) => Promise<T>): Promise<T> {
  const modules = simulatedModules(host);
  const app = (await modules.import(new URL("app.test-app-system.ts", import.meta.url))) as typeof App;
  return await modules.run(() => work(app));
}

async function questions(here: World): Promise<void> {
  const server = here.node("server", {
    async start(host) {
      await inApp(host, (app) => app.serve(8_080));
      log.push(`start ${await inApp(host, (app) => app.starts())}`);
    },
  });
  const client = here.node("client", {
    async start(host) {
      log.push(...(await inApp(host, (app) => app.ask("http://server:8080/questions", 12))));
    },
  });
  await server.start();
  const asked = client.start();
  await here.clock.sleep(500);
  server.crash("machine");
  await here.clock.sleep(300);
  await server.start();
  await asked;
}

/** What a program gets that imports `name`. */
async function refusal(here: World): Promise<void> {
  const node = here.node("a", {
    start: (host) =>
      inApp(host, async (app) => void (await app.load(name ?? "").catch((error: unknown) => log.push(String(error))))),
  });
  await node.start();
}

const report = await runSeed(
  scenario({
    name: "program",
    about: "an ordinary program in a world",
    phases: { warmUpMs: 0, chaosMs: 0 },
    open: async (here) => {
      await (name === undefined ? questions(here) : refusal(here));
      return { finish: () => Promise.resolve() };
    },
  }),
  { seed: Number(seed), driver: "immediates", leaks: "watch" },
);
const { failure, hash, virtualMs } = report;
const fault = failure === undefined ? undefined : `${failure.message} ${failure.stack ?? ""}`;
process.stdout.write(`${JSON.stringify({ hash, virtualMs, log, fault })}\n`);
