import { ConfigError } from "../errors/mod.ts";

const word = "[A-Za-z0-9_-]+";
const subjectForm = new RegExp(String.raw`^${word}(\.${word})*$`);
const patternForm = new RegExp(String.raw`^${word}(\.${word})*(\.>)?$`);
const lengthMax = 200;

/** Throws ConfigError unless it is a subject. */
export function checkSubject(subject: unknown): void {
  if (typeof subject !== "string" || subject.length > lengthMax || !subjectForm.test(subject))
    throw new ConfigError(
      "subject",
      subject,
      `words of letters, digits, - and _, joined by dots, at most ${lengthMax}`,
    );
}

/** Throws ConfigError unless it is a subject, or one that ends in ".>". */
export function checkPattern(pattern: unknown): void {
  if (typeof pattern !== "string" || pattern.length > lengthMax || !patternForm.test(pattern))
    throw new ConfigError("pattern", pattern, 'a subject, or the start of one and ".>" for all below it');
}

/** Whether a subject is one that the pattern asks for. */
export function fits(pattern: string, subject: string): boolean {
  return pattern.endsWith(".>") ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern;
}
