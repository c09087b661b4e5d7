// What a program can check is a check with a useful message, after the habit of TigerBeetle's tidy: names, sizes, doors,
// dead files, suppressions, the machine's time. `node tools/tidy.ts` prints file:line, the problem and the replacement.
import { join } from "node:path";
import process from "node:process";
import { parsed, textFiles, type Finding } from "./repository.ts";
import { tidyCode } from "./tidy-code.ts";
import { tidyDoors } from "./tidy-doors.ts";
import { tidyText } from "./tidy-text.ts";
import { tidyTree } from "./tidy-tree.ts";

/** Everything that is untidy below `root`, sorted by place. */
export function tidy(root: string): Finding[] {
  const files = textFiles(root);
  const sources = files.filter((file) => file.path.endsWith(".ts")).map(parsed);
  const findings = [
    ...files.flatMap(tidyText),
    ...sources.flatMap(tidyCode),
    ...tidyDoors(sources),
    ...tidyTree(files, sources),
  ];
  return findings.toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

if (import.meta.main) {
  const findings = tidy(join(import.meta.dirname, ".."));
  for (const { file, line, problem, instead } of findings)
    console.log(`${file}:${line}: ${problem}; instead: ${instead}`);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
