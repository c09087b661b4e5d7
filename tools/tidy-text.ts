// Rules that need no syntax tree: names of files, lengths, titles, places of one machine, suppressions without a reason.
import { isTestFile, type Finding, type TextFile } from "./repository.ts";

const bannedNames: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/(?:^|-)(?:utils?|helpers?|misc|common)$/, "name the file after the one concept it exports"],
  [/(?:^|-)managers?$/, "say what it does: a worker, a pool, a supervisor"],
  [/^index$/, "a folder's door is mod.ts"],
];
const linesMax = 400;
const machinePath = /(?:^|[\s"'`(=:])(\/(?:work|home|root|Users|tmp\/(?:brief|bash))\/[\w.-]+|[A-Z]:\\Users\\)/;
const reasonMin = 10;
const suppressions: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/@ts-(?:ignore|nocheck)/, "@ts-expect-error and why the error is expected"],
  [/@ts-expect-error(?!.{0,3}\w.{9})/, `a reason of ${reasonMin} characters or more after @ts-expect-error`],
  [/(?:oxlint|eslint)-disable(?!.* -- .{10})/, "the rule's name, then ` -- ` and the reason"],
  [/(?:oxfmt|prettier)-ignore(?!:? .{10})/, "the reason on the same line"],
];

/** All findings of one file. */
export function tidyText(file: TextFile): Finding[] {
  const lines = file.text.split("\n");
  return [
    ...tidyName(file.path),
    ...tidyLength(file.path, lines),
    ...(file.path.endsWith(".md") ? tidyTitle(file.path, lines) : []),
    ...lines.flatMap((line, index) => tidyLine(file.path, line, index + 1)),
  ];
}

function tidyName(file: string): Finding[] {
  return file.split("/").flatMap((part) => {
    const name = part.replace(/\..*$/, "");
    const banned = bannedNames.find(([pattern]) => pattern.test(name));
    const isIndexPage = name === "index" && !part.endsWith(".ts");
    return banned === undefined || isIndexPage
      ? []
      : [{ file, line: 1, problem: `the name ${part} says nothing`, instead: banned[1] }];
  });
}

function tidyLength(file: string, lines: readonly string[]): Finding[] {
  if (!file.endsWith(".ts")) return [];
  if (lines.every((line) => line.trim() === ""))
    return [{ file, line: 1, problem: "empty file", instead: "delete it" }];
  // The last line ends with a line break, after which split() counts one more.
  const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  if (count <= linesMax) return [];
  return [
    { file, line: linesMax + 1, problem: `${count} lines, at most ${linesMax}`, instead: "one concept per file" },
  ];
}

function tidyTitle(file: string, lines: readonly string[]): Finding[] {
  let fence = "";
  const titles = lines.flatMap((line, index) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (mark !== "" && (fence === "" || mark.startsWith(fence))) fence = fence === "" ? mark : "";
    return fence === "" && line.startsWith("# ") ? [index + 1] : [];
  });
  if (titles.length === 1) return [];
  const [, second = 1] = titles;
  return [
    { file, line: second, problem: `${titles.length} titles`, instead: "one line that begins with # and a space" },
  ];
}

function tidyLine(file: string, text: string, line: number): Finding[] {
  const path = machinePath.exec(text)?.[1];
  const findings: Finding[] =
    path === undefined
      ? []
      : [{ file, line, problem: `${path} is a place on one machine`, instead: "a relative path" }];
  const commentAt = text.search(/\/[/*]/);
  if (!file.endsWith(".ts") || commentAt === -1) return findings;
  const unreasoned = suppressions.find(([pattern]) => pattern.test(text.slice(commentAt)));
  if (unreasoned !== undefined && !isToolText(file)) {
    findings.push({ file, line, problem: "a suppression without a reason", instead: unreasoned[1] });
  }
  return findings;
}

/** The rules' own patterns and the tests that plant violations name what they look for. */
function isToolText(file: string): boolean {
  return file.startsWith("tools/") && (isTestFile(file) || file.startsWith("tools/tidy"));
}
