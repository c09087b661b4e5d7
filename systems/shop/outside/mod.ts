export type { BookEntry, BookTotals, OutsideBooks } from "./books.ts";
export { fates, type Fate, type FaultMode } from "./faults.ts";
export { openOutside, type Outside, type OutsideOptions } from "./outside.ts";
export { OutageError, type OutsideReply, type OutsideRequest, type OutsideService } from "./service.ts";
