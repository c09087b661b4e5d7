import * as real from "node:fs";
import { DiskError } from "../mod.ts";
import { host, only } from "./current-system.ts";

type Options = string | { readonly encoding?: string | null; readonly flag?: string } | null | undefined;

function encodingOf(options: Options): BufferEncoding | undefined {
  const encoding = typeof options === "string" ? options : options?.encoding;
  return encoding === null || encoding === undefined ? undefined : (encoding as BufferEncoding);
}

function bytesOf(data: string | Uint8Array, options: Options): Uint8Array {
  return typeof data === "string" ? Buffer.from(data, encodingOf(options)) : data;
}

/** As Node's errors are: with a code and the name of the file. */
async function asNode<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    const codes = { DISK_MISSING: "ENOENT", DISK_FULL: "ENOSPC", DISK_FAULT: "EIO" } as const;
    const code = codes[error.code];
    throw Object.assign(new Error(`${code}: ${error.message}`, { cause: error }), { code, path: name });
  }
}

/** An open folder: its sync makes the names in it durable. */
function folder(): object {
  return { sync: () => asNode("", () => host().disk.syncNames()), close: async () => undefined };
}

/** The parts of `node:fs/promises` that a disk of the world has. Folders are parts of names and need not be made. */
const simulated = {
  readFile: (path: string, options?: Options): Promise<string | Buffer> =>
    asNode(path, async () => {
      const file = await host().disk.open(path, "fail");
      const bytes = Buffer.from(await file.read(0, file.size));
      const encoding = encodingOf(options);
      return encoding === undefined ? bytes : bytes.toString(encoding);
    }),
  writeFile: (path: string, data: string | Uint8Array, options?: Options): Promise<void> =>
    asNode(path, async () => {
      const file = await host().disk.open(path);
      await file.truncate(0);
      await file.write(0, bytesOf(data, options));
    }),
  appendFile: (path: string, data: string | Uint8Array, options?: Options): Promise<void> =>
    asNode(path, async () => (await host().disk.open(path)).append(bytesOf(data, options))),
  rename: (from: string, to: string): Promise<void> => asNode(from, () => host().disk.rename(from, to)),
  unlink: (path: string): Promise<void> => asNode(path, () => host().disk.remove(path)),
  rm: (path: string): Promise<void> => asNode(path, () => host().disk.remove(path)),
  mkdir: async (): Promise<undefined> => undefined,
  access: (path: string): Promise<void> => asNode(path, async () => void (await host().disk.open(path, "fail"))),
  readdir: async (path: string): Promise<readonly string[]> => {
    const folder = `${path.replace(/\/$/, "")}/`;
    const names = await host().disk.list();
    const inside = names
      .filter((name) => name.startsWith(folder))
      .map((name) => name.slice(folder.length).split("/")[0] ?? "");
    return [...new Set(inside)];
  },
  open: (path: string, flags = "r") =>
    asNode(path, async () => {
      const names = await host().disk.list();
      if (!names.includes(path) && names.some((name) => name.startsWith(`${path.replace(/\/$/, "")}/`)))
        return folder();
      const file = await host().disk.open(path, flags.startsWith("r") ? "fail" : "create");
      if (flags.startsWith("w")) await file.truncate(0);
      const append = (data: string | Uint8Array): Promise<void> =>
        asNode(path, () => file.append(bytesOf(data, undefined)));
      return {
        appendFile: append,
        writeFile: append,
        write: async (data: string | Uint8Array) => (await append(data), { bytesWritten: data.length, buffer: data }),
        readFile: (options?: Options) => simulated.readFile(path, options),
        truncate: (size = 0) => file.truncate(size),
        stat: async () => ({ size: file.size }),
        sync: () => asNode(path, () => file.sync()),
        datasync: () => asNode(path, () => file.sync()),
        close: async () => undefined,
      };
    }),
} as const;

/** `node:fs/promises` over the disk of the process; what it lacks is refused by name. */
export const fsPromises: Record<string, unknown> = only(real.promises, {
  name: "fs/promises",
  simulated,
  harmless: [],
});

/** `node:fs`: its promises; the other forms are refused by name. */
export const fs: Record<string, unknown> = only(real, {
  name: "fs",
  simulated: { promises: fsPromises },
  harmless: [],
});
