import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Writable, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { KitError } from "ashlar/errors";
import { CsvReader, type CsvRecord } from "./csv.ts";
import { readHeader, readLine, type Columns, type ReadLine } from "./line.ts";

/** The file cannot be used at all; the message says why in one sentence. */
class SourceError extends KitError {
  readonly code = "SOURCE";
  readonly retryable = false;
}

/** A file as its content identifies it, so that a renamed or recompressed copy is the same import. */
export interface SourceIdentity {
  readonly id: string;
  /** Physical lines, for the progress bar. */
  readonly lines: number;
}

// Texts of more than 128 KB are kept for long by the collector, with every field that is a part of them.
const chunkBytes = 64 * 1024;
const newline = 10;

/** Reads the file once: its SHA-256 after decompression, and its length. Throws {@link SourceError}. */
export async function identify(path: string): Promise<SourceIdentity> {
  const hash = createHash("sha256");
  let lines = 0;
  const count = new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) lines += 1;
      done();
    },
  });
  await explained(path, async () => pipeline(await openBytes(path), count));
  return { id: hash.digest("hex").slice(0, 32), lines };
}

/** Throws {@link SourceError} when there is no such file, or it may not be read: before anything is made for it. */
export async function checkSource(path: string): Promise<void> {
  await explained(path, () => beginsAsGzip(path));
}

/** The data lines of an order file, read as they are asked for. Throws {@link SourceError} when it is no such file. */
export async function* readSource(path: string): AsyncGenerator<readonly ReadLine[]> {
  const csv = new CsvReader();
  const decoder = new TextDecoder();
  let header: { readonly columns: Columns; readonly width: number } | undefined;
  const read = (records: Iterable<CsvRecord>): readonly ReadLine[] => {
    const lines: ReadLine[] = [];
    for (const record of records) {
      if (header === undefined) header = { columns: columnsOf(path, record), width: record.fields.length };
      else lines.push(readLine(record, header.columns, header.width));
    }
    return lines;
  };
  const bytes = await explained(path, () => openBytes(path));
  for await (const chunk of bytes) yield read(csv.push(decoder.decode(chunk as Uint8Array, { stream: true })));
  yield read(csv.push(decoder.decode()));
  yield read(csv.end());
  if (header === undefined) throw new SourceError(`${path} is empty; an order file begins with a line of column names`);
}

function columnsOf(path: string, record: CsvRecord): Columns {
  const columns = readHeader(record.fields);
  if ("missing" in columns)
    throw new SourceError(`${path} is not an order file: its first line has no column ${columns.missing.join(", ")}`);
  return columns;
}

/** The content, decompressed when it is a gzip file, whatever its name. */
async function openBytes(path: string): Promise<Readable> {
  const isGzip = await beginsAsGzip(path);
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  if (!isGzip) return file;
  const unzipped = createGunzip({ chunkSize: chunkBytes });
  file.on("error", (error) => unzipped.destroy(error));
  return file.pipe(unzipped);
}

async function beginsAsGzip(path: string): Promise<boolean> {
  await using file = await open(path, "r");
  const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  Z_DATA_ERROR: "its compression is damaged",
  Z_BUF_ERROR: "its compression ends too early",
};

async function explained<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SourceError || !(error instanceof Error)) throw error;
    const code = "code" in error && typeof error.code === "string" ? error.code : "";
    throw new SourceError(`${path} cannot be read: ${reasons[code] ?? error.message}`, { cause: error });
  }
}
