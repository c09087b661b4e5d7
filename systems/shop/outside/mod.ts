export type { BookEntry, BookTotals, OutsideBooks } from "./books.ts";
export { type Fate, type FaultMode } from "./faults.ts";
export { openOutside, type Outside, type OutsideOptions } from "./outside.ts";
export type { OutsideReply, OutsideService } from "./service.ts";
