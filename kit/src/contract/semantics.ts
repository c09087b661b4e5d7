/**
 * What a repeat of a call does, in the sense of RFC 9110, section 9.2. `safe`: nothing ever, so it may be repeated, cached and hedged.
 * `idempotent`: no more than the first. `keyed`: no more than the first under the same idempotency key, which the client makes when the
 * caller gives none. `unsafe`: it may happen twice, so nobody repeats it by himself once it may have been received.
 */
export type Semantics = "safe" | "idempotent" | "keyed" | "unsafe";
