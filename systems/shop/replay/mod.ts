export { importedFiles, type FileProgress, type ReplaySettings } from "./progress.ts";
export { quarantined, type Quarantined } from "./quarantine.ts";
