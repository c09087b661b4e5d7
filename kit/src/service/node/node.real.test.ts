import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { call, clientOf, contract } from "../../contract/mod.ts";
import { fixedDirectory } from "../../registry/mod.ts";
import { implement, system } from "../mod.ts";
import { openNode } from "./mod.ts";

const bell = contract("bell", {
  calls: { ring: call({ input: z.object({ times: z.int() }), output: z.object({ heard: z.int() }) }) },
});
const bells = system("bells", {
  services: [implement(bell)({ calls: { ring: ({ input }) => ({ heard: input.times }) } })],
});

test("a node that runs a service is called over TCP by one that runs none", async () => {
  await using ringing = await openNode(bells, { directory: fixedDirectory(), identity: "ringing" });
  const directory = fixedDirectory({ "bell@1": [{ id: "1", address: ringing.address ?? "" }] });
  await using listening = await openNode(bells, { directory, identity: "listening", only: [] });
  expect(await clientOf(bell, listening.services.dispatcher).ring({ times: 3 })).toEqual({ heard: 3 });
  expect(listening.address).toBeUndefined();
});

test("who opens the door of services has loaded nothing that only this door needs", async () => {
  const door = join(import.meta.dirname, "../mod.ts");
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    await import(${JSON.stringify(door)});
    console.log(JSON.stringify(loaded));`;
  const flags = ["--conditions=ashlar-source", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  const loaded = JSON.parse(stdout) as readonly string[];
  expect(loaded.filter((url) => url.endsWith("/service/run.ts"))).toHaveLength(1);
  expect(loaded.filter((url) => /\/(balancer|wire)\/|\/(open|remote)-(node|spread|target|way)\./.test(url))).toEqual(
    [],
  );
});
