import { fingerprint } from "../../codec/mod.ts";

// A name of AMQP has 255 bytes; the prefix has 64 of them.
const ownBytesMax = 150;

/** The names that an engine's queues and exchanges have at the broker. */
export interface Names {
  /** Where the messages of a lane are. */
  readonly lane: (queue: string, lane: number) => string;
  readonly dead: (queue: string) => string;
  /** By which a delayed message finds its way back. */
  readonly address: (queue: string, lane: number) => string;
  readonly delay: (level: number) => string;
  /** Where what is due is handed to its lane. */
  readonly due: string;
}

export function namesOf(prefix: string): Names {
  const lane = (queue: string, number: number): string => `${prefix}.q.${short(queue)}.${number}`;
  return {
    lane,
    dead: (queue) => `${prefix}.q.${short(queue)}.dead`,
    address: (queue, number) => fingerprint(lane(queue, number)),
    delay: (level) => `${prefix}.delay.${level}`,
    due: `${prefix}.due`,
  };
}

/** A name that is too long keeps its start and gets a fingerprint. */
function short(name: string): string {
  if (Buffer.byteLength(name) <= ownBytesMax) return name;
  return `${name.slice(0, 30).toWellFormed()}~${fingerprint(name)}`;
}
