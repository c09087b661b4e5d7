/** Names one cell. */
export interface CellKey {
  readonly space: string;
  readonly key: string;
}

/** A versioned value. */
export interface Cell extends CellKey {
  readonly value: string;
  /** Rises with every write of any cell, also across deletion and re-creation, so that it serves as a fencing token. */
  readonly version: number;
  /** Engine time from which the cell counts as absent. */
  readonly expiresAtMs: number | undefined;
}

/** What a write expects of its cell: a version, absence, presence of any version, or nothing. */
export type ExpectedCell = number | "absent" | "present" | "any";
