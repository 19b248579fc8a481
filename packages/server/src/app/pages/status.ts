/** The status page: what this server is, what it holds, and the two next steps. */

import { html } from 'hono/html'
import type { NodeStats } from '../../contract.ts'
import { page, type Html } from './layout.ts'

export interface Status {
  readonly ready: boolean
  readonly version: string
  readonly uptimeMs: number
  /** The node's public key in hex. */
  readonly publicKey: string
  readonly stats: NodeStats
  /** Where clients reach this server, as the browser did. */
  readonly origin: string
  readonly needsToken: boolean
}

export function statusPage(status: Status): Html {
  const { ready, stats, origin } = status
  const main = html`<h1>This is a Varve server</h1>
    <p class="state${ready ? '' : ' bad'}">${ready ? 'Ready to serve' : 'Not ready: its stores cannot be used now'}</p>
    <p class="lead">
      It brings devices together: it takes their commits, gives each a place in a signed record, and passes them on. It
      holds no key of a sealed database and cannot read what it stores of one.
    </p>
    <dl class="figures">
      ${figure('Tenants', stats.tenants)} ${figure('Databases', stats.databases)}
      ${figure('Live connections', stats.connections)} ${figure('Recorded since start', stats.recorded)}
    </dl>
    <h2>Next steps</h2>
    <ol class="steps">
      <li>
        <h3>Publish a tenant</h3>
        <p>On the device that founded it, in the folder of its data:</p>
        <pre><code>varve publish ${origin}</code></pre>
        <p>${publishNote(status.needsToken)}</p>
      </li>
      <li>
        <h3>Join with a second device</h3>
        <p>Run <code>varve invite</code> on the first device. On the second, with the link it prints:</p>
        <pre><code>varve join '&lt;link&gt;'</code></pre>
        <p>The secret of the link stays behind its # and never comes here.</p>
      </li>
    </ol>
    <h2>This node</h2>
    <dl class="facts">
      <dt>Version</dt>
      <dd>${status.version}</dd>
      <dt>Running for</dt>
      <dd>${duration(status.uptimeMs)}</dd>
      <dt>Public key</dt>
      <dd><code>${status.publicKey}</code></dd>
    </dl>`
  const foot = html`<ul>
    <li><a href="/healthz">Alive</a></li>
    <li><a href="/readyz">Ready</a></li>
    <li><a href="/metrics">Metrics</a></li>
    <li><a href="/v1/node">Node as JSON</a></li>
  </ul>`
  return page('Varve server', main, foot)
}

function figure(label: string, value: number): Html {
  return html`<div>
    <dt>${label}</dt>
    <dd>${value.toLocaleString('en')}</dd>
  </div>`
}

function publishNote(needsToken: boolean): Html {
  return needsToken
    ? html`It asks for the publish token, which stands in <code>publish-token</code> in the server's data folder.`
    : html`Whoever reaches this server may publish.`
}

/** The two largest units of a time that has passed. */
function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24]
  if (days > 0) return `${days} d ${hours} h`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  return minutes > 0 ? `${minutes} min` : 'less than a minute'
}
