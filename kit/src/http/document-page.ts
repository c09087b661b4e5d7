import { type AnyContract, contractId, describeSchema, type Failure } from "../contract/mod.ts";
import type { StandardSchema } from "../schema/mod.ts";
import type { DocumentInfo } from "./documents.ts";

/** A page for people: what each contract offers, one section a contract, with nothing loaded from elsewhere. Everything is escaped. */
export function documentPage(
  contracts: readonly AnyContract[],
  { title, version, description = "" }: DocumentInfo,
): string {
  const entries = contracts
    .map((contract) => `<a href="#${contract.name}">${escaped(contractId(contract))}</a>`)
    .join(" ");
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${style}</style></head><body><header><h1>${escaped(title)} <small>${escaped(version)}</small></h1>
<p>${escaped(description)}</p><nav>${entries} <a href="/openapi.json">OpenAPI</a> <a href="/asyncapi.json">AsyncAPI</a></nav></header>
<main>${contracts.map(section).join("\n")}</main></body></html>`;
}

function section(contract: AnyContract): string {
  const { calls, streams, events, queues, responsibilities, owner } = contract;
  const operations = [
    ...Object.entries(calls).map(([name, call]) => operation({ ...call, name, kind: call.semantics })),
    ...Object.entries(streams).map(([name, stream]) => operation({ ...stream, name, kind: "stream" })),
  ];
  const told = Object.entries(events).map(([name, { data, summary }]) =>
    message({ name, kind: "event", schema: data, summary }),
  );
  const taken = Object.entries(queues).map(([name, { input, summary }]) =>
    message({ name, kind: "queue", schema: input, summary }),
  );
  return `<section id="${contract.name}"><h2>${escaped(contractId(contract))}</h2>
<p>${escaped(responsibilities.join(" "))}${owner === undefined ? "" : ` <small>${escaped(owner)}</small>`}</p>${[...operations, ...told, ...taken].join("\n")}</section>`;
}

interface Shown {
  readonly name: string;
  readonly kind: string;
  readonly summary: string | undefined;
  readonly http: { readonly method: string; readonly path: string } | undefined;
  readonly input: StandardSchema;
  readonly output: StandardSchema;
  readonly errors: object;
  readonly deadlineMs: number;
}

function operation({ name, kind, summary, http, input, output, errors, deadlineMs }: Shown): string {
  const route =
    http === undefined
      ? ""
      : `<b class="${http.method.toLowerCase()}">${http.method}</b> <code>${escaped(http.path)}</code>`;
  const refusals = Object.entries(errors as Readonly<Record<string, Failure>>)
    .map(([failure, { status, title }]) => `<li><code>${status} ${escaped(failure)}</code> ${escaped(title)}</li>`)
    .join("");
  return `<details><summary><strong>${escaped(name)}</strong> ${route} <em>${escaped(kind)}</em> ${escaped(summary ?? "")}</summary>
<div class="pair"><div><h4>Input</h4>${schemaBlock(input, "input")}</div><div><h4>Output</h4>${schemaBlock(output, "output")}</div></div>
${refusals === "" ? "" : `<h4>Refusals</h4><ul>${refusals}</ul>`}<p><small>answers within ${deadlineMs} ms</small></p></details>`;
}

function message({
  name,
  kind,
  schema,
  summary,
}: {
  name: string;
  kind: string;
  schema: StandardSchema;
  summary: string | undefined;
}): string {
  return `<details><summary><strong>${escaped(name)}</strong> <em>${kind}</em> ${escaped(summary ?? "")}</summary>${schemaBlock(schema, "output")}</details>`;
}

function schemaBlock(schema: StandardSchema, direction: "input" | "output"): string {
  const { $schema: _, ...shown } = describeSchema(schema, { direction });
  return `<pre>${escaped(JSON.stringify(shown, undefined, 2))}</pre>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const style = `:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{margin:0 auto;max-width:72rem;padding:1.5rem}
h1 small,section small{font-weight:400;opacity:.6}nav a{margin-right:1rem}section{margin-top:2.5rem}
details{border:1px solid #8884;border-radius:.5rem;padding:.5rem .9rem;margin:.5rem 0}summary{cursor:pointer}
em{opacity:.6}pre{overflow:auto;background:#8881;padding:.7rem;border-radius:.4rem;font-size:13px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem}
b{font:600 12px ui-monospace,monospace;padding:.1rem .4rem;border-radius:.3rem;background:#8883}b.get{background:#2a84}b.post{background:#27c5}b.delete{background:#c335}`;
