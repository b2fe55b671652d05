/** Pages in Russian for people with a browser: plain HTML that loads nothing, with its own policy over its own style and script. */
import { createHash } from 'node:crypto';
import type { Response } from 'express';

const style = `
:root{color-scheme:light dark}
body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;background:#f2f4f7;color:#1b2430}
main{max-width:38rem;margin:0 auto;padding:2rem 1.25rem 3rem}
h1{font-size:1.4rem;line-height:1.3;margin:0 0 1rem}
dl{margin:0 0 1.5rem}dt{color:#5a6675;font-size:.875rem}dd{margin:0 0 .75rem;overflow-wrap:anywhere}
code{font:.9rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
section{background:#fff;border:1px solid #d9dee5;border-radius:.5rem;padding:1rem 1.25rem;margin:0 0 1rem}
h2{font-size:1.05rem;margin:0 0 .5rem}p{margin:0 0 .75rem}
label{display:block;padding:1.25rem 1rem;border:2px dashed #9aa7b8;border-radius:.5rem;text-align:center}
input{max-width:100%;font:inherit}
output{display:block;font-weight:bold;margin:.75rem 0 0}output:empty{display:none}
.same{color:#146c2e}.other{color:#b3261e}
footer,.note{color:#5a6675;font-size:.875rem}
@media(prefers-color-scheme:dark){body{background:#14181d;color:#e6eaf0}section{background:#1d232b;border-color:#333d49}dt,footer,.note{color:#9aa7b8}.same{color:#7bd694}.other{color:#ff9d94}}
`;

/** A page's text; `body` is HTML already. `script` runs at its end. */
export function pageOf({ title, body, script = '' }: { title: string; body: string; script?: string }): string {
  return `<!doctype html>
<html lang="ru">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex,nofollow"><title>${escape(title)}</title><style>${style}</style></head>
<body><main>
${body}
</main>${script === '' ? '' : `<script>${script}</script>`}</body>
</html>
`;
}

/** For the header: no style and no script but those that `pageOf` was given. */
function policyOf(script: string): string {
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const scripts = script === '' ? '' : ` script-src ${hash(script)};`;
  return `default-src 'none'; style-src ${hash(style)};${scripts} base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

/** Sends `pageOf` with what belongs to a page that only its visitor should see. */
export function sendPage(response: Response, page: Parameters<typeof pageOf>[0]): void {
  response.set({ ...privately, 'content-security-policy': policyOf(page.script ?? '') }).type('html').send(pageOf(page));
}

/** Kept and found by nobody. `no-store` and `no-referrer` are every answer's. */
export const privately = { 'x-robots-tag': 'noindex, nofollow, noarchive' } as const;

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&#39;' };

export function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}
