/** The frame of the server's own pages: one document, one style, no script, nothing from elsewhere. */

import { html, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { primitives, utf8 } from 'varve/engine'
import { style } from './style.ts'

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** The one style is allowed by its hash. */
const hash = btoa(String.fromCharCode(...primitives.sha256(utf8(style))))

export const pageHeaders = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
} as const

/** As one piece, so that nothing comes between the tags that the hash does not know. */
const styleElement = raw(`<style>${style}</style>`)

/** Layers, light above dark. */
const mark = raw(
  '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false"><rect class="l1" x="2" y="4" width="28" height="5" rx="1.5"/><rect class="l2" x="2" y="11" width="28" height="3" rx="1.5"/><rect class="l3" x="2" y="16" width="28" height="6" rx="1.5"/><rect class="l4" x="2" y="24" width="28" height="4" rx="1.5"/></svg>',
)

const icon =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 32 32%22%3E%3Cpath fill=%22%232f7f86%22 d=%22M2 4h28v5H2zm0 7h28v3H2zm0 5h28v6H2zm0 8h28v4H2z%22/%3E%3C/svg%3E'

export function page(title: string, main: Html, foot: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
        <link rel="icon" href="${icon}" />
        ${styleElement}
      </head>
      <body>
        <header>${mark}<span>Varve</span></header>
        <main>${main}</main>
        <footer>${foot}</footer>
      </body>
    </html> `
}
