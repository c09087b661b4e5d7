import * as real from "node:crypto";
import { bound, host, refused } from "./current-system.ts";

function filled<T extends NodeJS.ArrayBufferView>(view: T): T {
  const { random } = host();
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.integer(0, 255);
  return view;
}

type Told<T> = (error: null, value: T) => void;

function later<T>(value: T, told: Told<T> | undefined): T | undefined {
  if (told === undefined) return value;
  const tell = bound(() => told(null, value));
  host().clock.nextTurn(tell);
  return undefined;
}

function randomBytes(size: number, told?: Told<Buffer>): Buffer | undefined {
  return later(filled(Buffer.alloc(size)), told);
}

function randomInt(min: number, max?: number | Told<number>, told?: Told<number>): number | undefined {
  const [from, to] = typeof max === "number" ? [min, max] : [0, min];
  return later(host().random.integer(from, to - 1), typeof max === "function" ? max : told);
}

function randomUUID(): real.UUID {
  const bytes = filled(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const inThreads = ["pbkdf2", "scrypt", "hkdf", "generateKey", "generateKeyPair", "generatePrime", "checkPrime"];
const advice = "it runs in the machine's thread pool; the function of the same name that ends in Sync does the same";

/** `node:crypto`: chance comes from the process's own stream; what runs in threads is refused. */
export const crypto: Readonly<Record<string, unknown>> = {
  ...real,
  ...Object.fromEntries(inThreads.map((name) => [name, refused(`crypto.${name}`, advice)])),
  randomBytes,
  randomFillSync: filled,
  randomInt,
  randomUUID,
  getRandomValues: filled,
  webcrypto: { getRandomValues: filled, randomUUID },
};
