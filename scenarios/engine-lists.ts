/** Lists that only grow: those in streams have an event a value, those in cells all their values in one. */
export const streams = ["red", "blue"] as const;
export const cells = ["green", "grey"] as const;
