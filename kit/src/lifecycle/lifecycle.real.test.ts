import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("lifecycle.test-program.ts", import.meta.url));

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly seen: (text: string) => Promise<void>;
  readonly exit: Promise<unknown>;
}

function start(mode: string): Started {
  const child = spawn(process.execPath, ["--conditions=ashlar-source", program, mode], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout?.on("data", (data: Buffer) => (output += data.toString()));
  const seen = async (text: string): Promise<void> => {
    while (!output.includes(text)) await once(child.stdout ?? child, "data");
  };
  return { child, output: () => output, seen, exit: once(child, "exit") };
}

test("SIGTERM stops in order and exits with 0, although a timer would hold the process", async () => {
  const { child, output, seen, exit } = start("quick");
  await seen("running");
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
  expect(output()).toBe("running\ndraining\nclosed\ndone\n");
});

test("a second signal ends a shutdown that hangs, at once, with the signal's code", async () => {
  const { child, output, seen, exit } = start("hang");
  await seen("running");
  child.kill("SIGTERM");
  await seen("draining");
  child.kill("SIGINT");
  expect(await exit).toEqual([130, null]);
  expect(output()).toBe("running\ndraining\n");
});
