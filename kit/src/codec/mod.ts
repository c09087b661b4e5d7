export { type Codec, DecodeError, EncodeError } from "./codec.ts";
export { jsonCodec } from "./json-codec.ts";
export { canonicalJson } from "./canonical-json.ts";
export { fingerprint, hash32 } from "./hash.ts";
