import { type Codec, DecodeError, EncodeError } from "./codec.ts";
import { checkJson } from "./json-check.ts";

// Other readers of the stored text see valid JSON, null; this codec sees that there was no value.
const undefinedText = " null";

/**
 * JSON that never changes a value silently. `encode` throws {@link EncodeError}, naming the path, for what JSON would alter or
 * drop: bigint, function, symbol, NaN, Infinity, undefined inside an array, instances of classes (Date, Map, Error, yours),
 * toJSON, cycles, nesting beyond 1,000. Fields that are undefined are left out, as optional fields are; -0 becomes 0; symbol keys
 * are ignored. A top-level undefined is kept: it becomes the text " null", which is JSON to others and undefined to `decode`.
 * `decode` throws {@link DecodeError}. Cost: JSON.stringify and one walk of the value without allocation.
 */
export function jsonCodec<T>(): Codec<T> {
  return codec as Codec<T>;
}

const codec: Codec<unknown> = { encode, decode };

function encode(value: unknown): string {
  if (value === undefined) return undefinedText;
  checkJson(value);
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new EncodeError("", "JSON.stringify refused it", { cause: error });
  }
}

function decode(text: string): unknown {
  if (text === undefinedText) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DecodeError(`not JSON (${text.length} characters)`, { cause: error });
  }
}
