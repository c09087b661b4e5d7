// Code fences of Markdown documents, found and laid out as programs whose line numbers are those of the document.
import type { Finding, TextFile } from "./repository.ts";

/** What is done with a fence: checked and run, only type-checked, or only parsed. */
export type FenceUse = "run" | "check" | "parse";

/** One `ts` fence. `line` is that of its opening mark, from 1. */
export type Fence = { readonly file: string; readonly line: number; readonly code: string; readonly use: FenceUse };

const uses: Readonly<Record<string, FenceUse>> = { "": "run", "no-run": "check", fragment: "parse" };

/** The `ts` fences of a document, and what is wrong with their marks. */
export function fencesOf(document: TextFile): {
  readonly fences: readonly Fence[];
  readonly findings: readonly Finding[];
} {
  const fences: Fence[] = [];
  const findings: Finding[] = [];
  const lines = document.text.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const opening = /^(?<indent>\s*)(?<mark>`{3,}|~{3,})(?<info>.*)$/.exec(lines[index] ?? "");
    if (opening === null) continue;
    const { indent = "", mark = "", info = "" } = opening.groups ?? {};
    const end = closingLine(lines, index + 1, mark);
    const line = index + 1;
    const code = lines
      .slice(index + 1, end)
      .map((text) => (text.startsWith(indent) ? text.slice(indent.length) : text));
    const [language = "", ...words] = info.trim().split(/\s+/);
    index = end;
    if (language === "typescript") {
      findings.push({
        file: document.path,
        line,
        problem: "a fence that escapes the check",
        instead: "the language ts",
      });
    }
    if (language !== "ts") continue;
    const use = uses[words.join(" ")];
    if (use === undefined) {
      const problem = `unknown mark "${words.join(" ")}" on a fence`;
      findings.push({ file: document.path, line, problem, instead: "ts, ts no-run or ts fragment" });
    } else {
      fences.push({ file: document.path, line, code: code.join("\n"), use });
    }
  }
  return { fences, findings };
}

function closingLine(lines: readonly string[], from: number, mark: string): number {
  for (let index = from; index < lines.length; index++) {
    const line = (lines[index] ?? "").trim();
    if (line.startsWith(mark) && line.replaceAll(mark.charAt(0), "") === "") return index;
  }
  return lines.length;
}

/** The path of the program made of a fence, relative to the folder of all programs. */
export function programPath(fence: Fence): string {
  return `${fence.file}.L${fence.line}.ts`;
}

/** The text of that program: blank lines before it put every line where it stands in the document. */
export function programText(fence: Fence): string {
  return `${"\n".repeat(fence.line)}${fence.code}\nexport {};\n`;
}

/** Turns every place in a program of `folder` that a message mentions into the place in its document. */
export function inDocuments(message: string, folder: string): string {
  return message
    .replaceAll(`file://${folder}/`, "")
    .replaceAll(`${folder}/`, "")
    .replaceAll(/\.md\.L\d+\.ts/g, ".md");
}
