/**
 * A 64-bit fingerprint as 16 hexadecimal digits, the same in every version and on every machine. For telling apart what
 * nobody forges: two of a million texts collide with a chance of 1 in 37 million. About 3 ns a character.
 * Source: FNV-1a, 64 bits, over UTF-8 (a lone surrogate as its three bytes, so different texts stay different inputs).
 */
export function fingerprint(text: string): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  eachByte(text, (byte) => {
    // Times the prime 2^40 + 0x1b3, modulo 2^64, in two halves; every product stays below 2^53.
    const mixed = (low ^ byte) >>> 0;
    const product = mixed * 0x1b3;
    low = product >>> 0;
    high = (high * 0x1b3 + (product - low) / 0x1_0000_0000 + ((mixed << 8) >>> 0)) >>> 0;
  });
  return hex8(high) + hex8(low);
}

/**
 * An integer from 0 to 2^32 - 1, the same in every version, for spreading keys: `hash32(key) % partitions`.
 * Source: FNV-1a, 32 bits, over UTF-8, then the finaliser of MurmurHash3: the low bits of FNV-1a alone depend only on the low bits
 * of the text, so that "aa", "bb", "cc" would all meet in one of two partitions.
 */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  eachByte(text, (byte) => {
    hash = Math.imul(hash ^ byte, 0x0100_0193);
  });
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function eachByte(text: string, use: (byte: number) => void): void {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) use(unit);
    else {
      const point = text.codePointAt(index) ?? unit;
      if (point > 0xffff) index++;
      eachByteOf(point, use);
    }
  }
}

function eachByteOf(point: number, use: (byte: number) => void): void {
  if (point < 0x800) use(0xc0 | (point >>> 6));
  else {
    if (point < 0x10000) use(0xe0 | (point >>> 12));
    else {
      use(0xf0 | (point >>> 18));
      use(0x80 | ((point >>> 12) & 0x3f));
    }
    use(0x80 | ((point >>> 6) & 0x3f));
  }
  use(0x80 | (point & 0x3f));
}

function hex8(word: number): string {
  return word.toString(16).padStart(8, "0");
}
