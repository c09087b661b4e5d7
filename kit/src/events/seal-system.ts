import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

// The only door to real chance besides random-system.ts: a key that a test could foresee would be no key.
const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Gives so many bytes that nobody can foresee. */
export type Entropy = (bytes: number) => Uint8Array;

export const systemEntropy: Entropy = (bytes) => randomBytes(bytes);

/** A new data key. */
export function newDataKey(entropy: Entropy): Uint8Array {
  return entropy(keyBytes);
}

/** Names a key, so that what an erased key sealed is never tried with the next one. */
export function newKeyId(entropy: Entropy): string {
  return Buffer.from(entropy(8)).toString("hex");
}

/** What a seal is bound to, and where its nonce comes from. */
export interface SealRules {
  readonly place: string;
  readonly entropy: Entropy;
}

/** AES-256-GCM with a random nonce: nonce, tag and ciphertext as base64url. Bound to `place`: it opens nowhere else. About 3 us. */
export function seal(key: Uint8Array, plain: Uint8Array | string, { place, entropy }: SealRules): string {
  const nonce = entropy(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(place));
  const text = Buffer.concat([cipher.update(Buffer.from(plain)), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString("base64url");
}

/** Throws when the key is wrong, the text was altered, or the place is another. */
export function unseal(key: Uint8Array, sealed: string, place: string): Uint8Array {
  const bytes = Buffer.from(sealed, "base64url");
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]);
}
