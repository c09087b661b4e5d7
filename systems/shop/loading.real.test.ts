import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** What a process has loaded when a command is ready to run. */
async function loadedBy(command: string): Promise<readonly string[]> {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const { loadCommand } = await import(${JSON.stringify(join(import.meta.dirname, "command-line.ts"))});
    await loadCommand([${JSON.stringify(command)}]);
    console.log(JSON.stringify(loaded));`;
  const flags = ["--conditions=ashlar-source", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { maxBuffer: 1e7 });
  return JSON.parse(stdout) as readonly string[];
}

test.each(["start", "node"])(
  "the command %s loads no way to servers or other processes before it needs one",
  async (command) => {
    const loaded = await loadedBy(command);
    expect(loaded.filter((url) => url.endsWith("/shop/design.ts"))).toHaveLength(1);
    expect(loaded.filter((url) => /\/(postgres|redis|nats|amqp|pg|undici|wire|balancer)\//.test(url))).toEqual([]);
  },
);
