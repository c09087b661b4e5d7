export { wayOut, type WayOut } from "./way-out.ts";
export type { BookEntry, BookTotals, OutsideBooks } from "./books.ts";
export { type Fate, type FaultMode, fates } from "./faults.ts";
export { openOutside, openOutsideInDatabase, type OpenOutside, type Outside, type OutsideOptions } from "./outside.ts";
export type { OutsideReply, OutsideRequest } from "./request.ts";
export { nearReplyMs, OutageError, type OutsideService } from "./service.ts";
