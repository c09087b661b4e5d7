/** Default of `can.payloadBytesMax`: a body, event or cell above it belongs in a file or object store, and its address here. */
export const payloadBytesDefault = 1_048_576;

/** Default of `can.changesMax`. Messages of an enqueue, events of an append and ids of a wake, redrive or discard count one each. */
export const changesDefault = 10_000;

/** Longest name of a queue, key, stream, cell, consumer … in UTF-16 code units. */
export const nameLengthMax = 512;

/** Longest delay, lease or time to keep: 100 years in milliseconds. */
export const durationMsMax = 3_155_760_000_000;

/** Lists that share one transaction at most, so that the latency of a commit stays bounded. */
export const groupMax = 512;

/** Time after which a group takes no further list. */
export const groupMs = 2;

/** Default bound of the calls that wait for their group; beyond it a commit is refused with StorageError `busy`. */
export const waitingDefault = 100_000;

/** A claim whose holder died so often is dead, unless the request says otherwise. */
export const crashesDefault = 5;
