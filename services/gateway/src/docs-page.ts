/** The OpenAPI document as one page of HTML: no scripts, nothing from elsewhere. */
import type { Document, Operation, Schema } from './openapi.ts';
import { escape } from './pages.ts';

const style = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1f; background: #fff }
code, pre { font: 13px/1.45 ui-monospace, monospace } pre { background: #f4f4f7; padding: .7rem; overflow: auto; max-height: 24rem }
details { border: 1px solid #d8d8de; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem } summary { cursor: pointer }
table { border-collapse: collapse; width: 100% } td, th { border-top: 1px solid #e4e4ea; padding: .25rem .6rem .25rem 0; text-align: left; vertical-align: top }
b.get { color: #0a6 } b.post { color: #06c } b.patch { color: #a60 } b.delete { color: #c22 } small { color: #666 }
@media (prefers-color-scheme: dark) { body { background: #16161a; color: #e6e6ea } pre { background: #222228 } details, td, th { border-color: #3a3a42 } a { color: #8bf } }
`;

export function docsPage({ info, tags, paths, components }: Document): string {
  const { title, version, description } = info as { title: string; version: string; description: string };
  const all = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
  const sections = tags.map((tag) => `<h2>${escape(tag.name)}</h2><p>${escape(tag.description)}</p>`
    + all.filter(({ operation }) => operation.tags.includes(tag.name)).map(operationHtml).join(''));
  const schemas = Object.entries(components.schemas).map(([name, schema]) => `<details id="${escape(name)}"><summary><code>${escape(name)}</code></summary>${schemaHtml(schema)}</details>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${style}</style>`
    + `<h1>${escape(title)} <small>${escape(version)}</small></h1><p>${escape(description)} The same for programs: <a href="openapi.json">openapi.json</a>.</p>`
    + `${sections.join('')}<h2>Schemas</h2>${schemas.join('')}</html>\n`;
}

function operationHtml({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const rows = parameters.map((each) => `<tr><td><code>${escape(each.name)}</code><td>${each.in}${each.required ? ', required' : ''}<td>${escape(each.description)}<td>${schemaHtml(each.schema)}`);
  const answers = Object.entries(responses).map(([status, { description: what, content = {} }]) => `<tr><td>${status}<td>${escape(what)}${contentHtml(content)}`);
  return `<details id="${escape(operationId)}"><summary><b class="${method}">${method.toUpperCase()}</b> <code>${escape(path)}</code> ${escape(summary)}</summary>`
    + `<p>${escape(description)}</p><p><small>For: ${operation['x-roles'].join(', ')}</small></p>`
    + (rows.length > 0 ? `<table><tr><th>Parameter<th>In<th>Meaning<th>Schema${rows.join('')}</table>` : '')
    + (requestBody ? `<h4>Body</h4>${contentHtml(requestBody.content)}` : '')
    + `<h4>Answers</h4><table>${answers.join('')}</table></details>`;
}

function contentHtml(content: NonNullable<Operation['requestBody']>['content']): string {
  return Object.entries(content).map(([type, { schema, examples = {} }]) => `<div><small>${escape(type)}</small> ${schemaHtml(schema)}`
    + Object.entries(examples).map(([name, { value }]) => `<details><summary>${escape(name)}</summary>${json(value)}</details>`).join('') + '</div>').join('');
}

function schemaHtml(schema: Schema): string {
  const { $ref: ref } = schema;
  if (typeof ref !== 'string') return Object.keys(schema).length === 0 ? '' : json(schema);
  const name = ref.split('/').at(-1) ?? '';
  return `<a href="#${escape(name)}">${escape(name)}</a>`;
}

function json(value: unknown): string {
  // References inside a schema lead to it, too.
  return `<pre>${escape(JSON.stringify(value, null, 2)).replaceAll(/#\/components\/schemas\/(\w+)/g, '<a href="#$1">$1</a>')}</pre>`;
}
